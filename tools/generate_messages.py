"""Write ``src/gridlane/ocpp/v*/messages.py`` from the official JSON schemas.

Only names and constraints are taken, never a description's text: those belong to the Open Charge Alliance. The schemas
are read from the PyPI package ``ocpp``, which ships them unchanged. ``python tools/generate_messages.py`` writes the
three modules anew; a test does the same in memory and compares.
"""

import json
import keyword
import re
import subprocess
import sys
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

TO_CENTRAL, TO_STATION, BOTH = "TO_CENTRAL", "TO_STATION", "BOTH"

# Who calls, by action. What is not named is called by the central system.
CALLED_BY_STATION = {
    "v16": """
        Authorize BootNotification Heartbeat MeterValues StartTransaction StatusNotification StopTransaction
        DiagnosticsStatusNotification FirmwareStatusNotification
        LogStatusNotification SecurityEventNotification SignCertificate SignedFirmwareStatusNotification
    """,
    "v201": """
        SecurityEventNotification SignCertificate BootNotification NotifyReport Authorize TransactionEvent Heartbeat
        StatusNotification ReservationStatusUpdate MeterValues ClearedChargingLimit NotifyChargingLimit
        NotifyEVChargingNeeds NotifyEVChargingSchedule ReportChargingProfiles FirmwareStatusNotification
        PublishFirmwareStatusNotification Get15118EVCertificate GetCertificateStatus LogStatusNotification
        NotifyCustomerInformation NotifyEvent NotifyMonitoringReport NotifyDisplayMessages
    """,
}
CALLED_BY_STATION["v21"] = (
    CALLED_BY_STATION["v201"]
    + """
        NotifySettlement VatNumberValidation NotifyPriorityCharging PullDynamicScheduleUpdate
        GetCertificateChainStatus OpenPeriodicEventStream ClosePeriodicEventStream NotifyPeriodicEventStream
        NotifyDERAlarm NotifyDERStartStop ReportDERControl BatterySwap
    """
)
CALLED_BY_BOTH = {"DataTransfer"}

# Inline types of 1.6 get the name that the standard's text gives them, where the property's name is another.
NAMES_OF_PROPERTIES = {
    "configurationKey": "KeyValueType",
    "csChargingProfiles": "ChargingProfileType",
    "localAuthorizationList": "AuthorizationDataType",
}

# These say nothing alone: their enums are named after their owner too (ResetTypeEnumType).
VAGUE_PROPERTIES = {"status", "type"}

Schema = dict[str, Any]


@dataclass
class Property:
    wire_name: str
    annotation: str
    required: bool
    in_tenths: bool


@dataclass
class StructType:
    name: str
    properties: list[Property]


@dataclass
class Module:
    """What one version's schemas amount to, in the order of dependence."""

    enums: dict[str, list[str]] = field(default_factory=dict)
    structs: dict[str, StructType] = field(default_factory=dict)
    actions: dict[str, tuple[str, str | None]] = field(default_factory=dict)


def generate(package: str) -> str:
    """The source of ``gridlane.ocpp.<package>.messages``, formatted."""
    files = read_schemas(package)
    module = Module()
    reader = SchemaReader(module)
    for name, schema in files.items():
        reader.read_message(name, schema)
    module.actions = actions_among(files)
    return format_source(source_of(package, module))


def read_schemas(package: str) -> dict[str, Schema]:
    """Schemas by the struct name of their message: AuthorizeRequest, AuthorizeResponse, ..."""
    folder = resources.files("ocpp") / package / "schemas"
    schemas = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        stem = file.name.removesuffix(".json")
        name = stem if stem.endswith(("Request", "Response")) else f"{stem}Request"
        schemas[name] = json.loads(file.read_text(encoding="utf-8-sig"))
    return schemas


def actions_among(files: dict[str, Schema]) -> dict[str, tuple[str, str | None]]:
    actions = {}
    for name in files:
        if name.endswith("Request"):
            response = name.removesuffix("Request") + "Response"
            actions[name.removesuffix("Request")] = (name, response if response in files else None)
    return actions


class SchemaReader:
    """Turns schemas into structs and enums; equal types are one type, unequal ones never share a name."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.definitions: Schema = {}
        self.owner = ""

    def read_message(self, name: str, schema: Schema) -> None:
        self.definitions = schema.get("definitions", {})
        self.owner = name
        self.add_struct(name, schema)

    def add_struct(self, name: str, schema: Schema) -> str:
        required = set(schema.get("required", ()))
        properties = [
            Property(wire, self.annotation(wire, sub, name), wire in required, sub.get("multipleOf") == 0.1)
            for wire, sub in schema.get("properties", {}).items()
        ]
        known = self.module.structs.get(name)
        if known is not None and known.properties != properties:
            name = f"{message_of(self.owner)}{name}"
        self.module.structs.setdefault(name, StructType(name, properties))
        return name

    def annotation(self, wire: str, schema: Schema, owner: str) -> str:
        """The Python annotation of one property."""
        if "$ref" in schema:
            return self.reference(schema["$ref"].removeprefix("#/definitions/"))
        if "enum" in schema:
            return self.enum(self.enum_name(wire, owner), schema["enum"])
        match schema.get("type"):
            case "object":
                return self.add_struct(NAMES_OF_PROPERTIES.get(wire, f"{capital(wire)}Type"), schema)
            case "array":
                return constrained(
                    f"list[{self.annotation(wire, schema['items'], owner)}]",
                    min_length=schema.get("minItems"),
                    max_length=schema.get("maxItems"),
                )
            case "string" if schema.get("format") == "date-time":
                return "Timestamp"
            case "string":
                return constrained("str", max_length=schema.get("maxLength"))
            case "integer" | "number" as kind:
                return number(kind, schema)
            case "boolean":
                return "bool"
            case None:
                return "Any"
            case other:
                raise NotImplementedError(other)

    def reference(self, name: str) -> str:
        definition = self.definitions[name]
        if name == "CustomDataType":
            return "CustomData"
        if "enum" in definition:
            return self.enum(name, definition["enum"])
        if definition.get("type") == "object":
            return self.add_struct(name, definition)
        return self.annotation(name, definition, name)

    def enum(self, name: str, values: list[str]) -> str:
        if self.module.enums.setdefault(name, values) != values:
            name = f"{message_of(self.owner)}{name}"
            assert self.module.enums.setdefault(name, values) == values, name
        return name

    def enum_name(self, wire: str, owner: str) -> str:
        stem = capital(wire)
        if wire in VAGUE_PROPERTIES:
            stem = message_of(owner).removesuffix("Type") + stem
        return f"{stem}EnumType"


def number(kind: str, schema: Schema) -> str:
    """Bounds arrive as floats (0.0) and must become ints where the value is one."""
    cast = int if kind == "integer" else float
    bounds = {
        name: cast(schema[keyword_])
        for name, keyword_ in (("ge", "minimum"), ("le", "maximum"))
        if keyword_ in schema
    }
    if kind == "integer":
        if not bounds:
            return "Integer"
        bounds = {"ge": -(2**63), "le": 2**63 - 1} | bounds
    return constrained("int" if kind == "integer" else "float", **bounds)


def constrained(base: str, **constraints: float | None) -> str:
    given = {name: value for name, value in constraints.items() if value is not None}
    if not given:
        return base
    return f"Annotated[{base}, Meta({', '.join(f'{name}={value!r}' for name, value in given.items())})]"


def message_of(owner: str) -> str:
    return owner.removesuffix("Request").removesuffix("Response")


def capital(name: str) -> str:
    return name[0].upper() + name[1:]


def snake(wire: str) -> str:
    """The attribute of a wire name: ``evMaximumLevel1DCInjection`` -> ``ev_maximum_level1_dc_injection``."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", wire).replace("__", "_").lower()
    return f"{name}_" if keyword.iskeyword(name) else name


def camel(attribute: str) -> str:
    """What msgspec's ``rename="camel"`` makes of an attribute."""
    first, *rest = attribute.split("_")
    return first + "".join(part.title() for part in rest)


def source_of(package: str, module: Module) -> str:
    parts = [header(package, module)]
    parts += [f"{name} = Literal[{', '.join(map(repr, values))}]" for name, values in module.enums.items()]
    parts += [struct_source(struct) for struct in module.structs.values()]
    rows = [
        f'"{name}": Action("{name}", {request}, {response}, Direction.{direction(package, name)}),'
        for name, (request, response) in module.actions.items()
    ]
    parts.append("ACTIONS: Final[dict[str, Action]] = {\n" + "\n".join(rows) + "\n}")
    return "\n\n".join(parts) + "\n"


def header(package: str, module: Module) -> str:
    body = "".join(p.annotation for struct in module.structs.values() for p in struct.properties)
    typing_names = [
        name for name in ("Annotated", "Any", "Final", "Literal") if name in body or name in "FinalLiteral"
    ]
    ours = [name for name in ("CustomData", "Integer", "Timestamp") if name in body]
    if any(p.in_tenths for struct in module.structs.values() for p in struct.properties):
        ours.append("require_tenths")
    renamed = any(
        camel(snake(p.wire_name)) != p.wire_name for s in module.structs.values() for p in s.properties
    )
    version = {"v16": "1.6", "v201": "2.0.1", "v21": "2.1"}[package]
    return "\n".join(
        [
            f'"""Every message of OCPP {version}. Generated by tools/generate_messages.py: do not edit."""',
            "",
            f"from typing import {', '.join(typing_names)}",
            "",
            f"from msgspec import Meta{', field' if renamed else ''}",
            "",
            "from gridlane.ocpp.actions import Action, Direction",
            f"from gridlane.ocpp.wire_types import {', '.join(sorted(['UNSET', 'Message', 'Unset', *ours]))}",
        ]
    )


def struct_source(struct: StructType) -> str:
    lines = [f"class {struct.name}(Message, kw_only=True, frozen=True):"]
    lines += [f"    {property_source(p)}" for p in struct.properties]
    tenths = [p for p in struct.properties if p.in_tenths]
    if tenths:
        lines += ["", "    def __post_init__(self) -> None:"]
        lines += [f'        require_tenths("{p.wire_name}", self.{snake(p.wire_name)})' for p in tenths]
    if len(lines) == 1:
        lines.append("    pass")
    return "\n".join(lines)


def property_source(prop: Property) -> str:
    attribute = snake(prop.wire_name)
    annotation = prop.annotation if prop.required else f"{prop.annotation} | Unset"
    if camel(attribute) == prop.wire_name:
        return f"{attribute}: {annotation}" + ("" if prop.required else " = UNSET")
    default = "" if prop.required else "default=UNSET, "
    return f'{attribute}: {annotation} = field({default}name="{prop.wire_name}")'


def direction(package: str, action: str) -> str:
    if action in CALLED_BY_BOTH:
        return BOTH
    return TO_CENTRAL if action in CALLED_BY_STATION[package].split() else TO_STATION


def format_source(source: str) -> str:
    """As ``ruff format`` leaves it, so that the tree stays clean."""
    target = ROOT / "src/gridlane/ocpp/v16/messages.py"
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(target), "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def main() -> None:
    for package in ("v16", "v201", "v21"):
        target = ROOT / "src/gridlane/ocpp" / package / "messages.py"
        target.write_text(generate(package))
        print(f"wrote {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
