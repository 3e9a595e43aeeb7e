"""Which operations of the API the screens call, read from the sources of both apps."""

import re
from collections.abc import Iterator
from pathlib import Path

from gridlane.app.api import description
from gridlane.cli.endpoints import METHODS, PREFIX

UI = Path(__file__).resolve().parents[2] / "ui"
APPS = ("console/src", "driver/src", "shared")

CALL = re.compile(r"\bapi\s*\.(get|post|put|patch|delete)\b")
READER = re.compile(r"\bnew (?:Pages|Live)\b|\baddress\b")
NAMED = re.compile(r"\bconst (\w+) = ([^;]*);")
QUOTED = re.compile(r"`(/[a-z$][^`\s]*)`|\"(/[a-z][^\"\s]*)\"")
LINK = re.compile(r"(?:\{BASE\}|/api/v1)(/[^`\"\s?]+)")
UPLOAD = re.compile(r"(?:\{BASE\}|/api/v1)(/[^`\"\s?]+)[`\"], \{ method: \"(\w+)\"")
TOLD = re.compile(r'path: "([^"]+)"')
"""A list of what a station told: one row of `told.ts` each, all read at one place."""
HOLE = re.compile(r"\$?\{[^{}]*\}")


def operations() -> set[str]:
    """``GET /sites/{}``, as the API describes itself."""
    return {
        f"{method.upper()} {HOLE.sub('{}', path.removeprefix(PREFIX))}"
        for path, verbs in description()["paths"].items()
        for method in METHODS
        if method in verbs
    }


def called() -> set[str]:
    """What the screens ask for; a path of which a part is chosen at run time stands for all that it can be."""
    calls = {call for file in _sources() for call in _calls(file.read_text())} - {"GET /stations/{}/{}"}
    told = TOLD.findall((UI / "console/src/stations/told.ts").read_text())
    asked = {_pattern(call) for call in calls} | {_pattern(f"GET /stations/{{}}/{path}") for path in told}
    return {one for one in operations() if any(pattern.fullmatch(one) for pattern in asked)}


def _pattern(call: str) -> re.Pattern[str]:
    return re.compile(re.escape(call).replace(re.escape("{}"), "[^/ ]+"))


def _sources() -> Iterator[Path]:
    for app in APPS:
        for file in (UI / app).rglob("*"):
            if file.suffix in {".ts", ".svelte"} and file.name != "endpoints.ts":
                yield file


def _calls(source: str) -> Iterator[str]:
    named = {name: _quoted(value) for name, value in NAMED.findall(source)}
    bases = {name: paths[0] for name, paths in named.items() if paths}
    source = re.sub(r"\$?\{(\w+)\}", lambda hole: bases.get(hole[1], hole[0]), source)
    for call in CALL.finditer(source):
        for path in _paths(_arguments(source, call.end()), named):
            yield f"{call[1].upper()} {path}"
    for reader in READER.finditer(source):
        for path in _paths(_arguments(source, reader.end()), named):
            yield f"GET {path}"
    for path, method in UPLOAD.findall(source):
        yield f"{method} {_open(path)}"
    for path in LINK.findall(source):
        yield f"GET {_open(path)}"


def _arguments(source: str, start: int) -> str:
    """What stands between the parentheses that follow."""
    opening = source.find("(", start)
    depth = 0
    for at in range(opening, len(source)):
        depth += {"(": 1, ")": -1}.get(source[at], 0)
        if depth == 0:
            return source[opening + 1 : at]
    return ""


def _paths(arguments: str, named: dict[str, list[str]]) -> list[str]:
    return named.get(arguments.partition(",")[0].strip()) or _quoted(arguments)


def _quoted(source: str) -> list[str]:
    return [_open(template or plain) for template, plain in QUOTED.findall(source)]


def _open(path: str) -> str:
    """``/sites/${site.id}/circuits`` as ``/sites/{}/circuits``."""
    while HOLE.search(path):
        path = HOLE.sub("\0", path)
    return path.replace("\0", "{}").split("?")[0]
