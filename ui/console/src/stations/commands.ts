/**
 * Everything a station can be asked to do, as data: which versions know it, what it must be told, how dangerous it
 * is. The form (`CommandForm`) and the menus are drawn from this table; kinds and fields are the API's.
 */
import type { Protocol } from "$shared/api/model";

export type FieldKind =
  | "text"
  | "number"
  | "decimal"
  | "switch"
  | "choice"
  | "moment"
  | "evse"
  | "token"
  | "transaction"
  | "variables"
  | "words"
  | "numbers"
  | "pem"
  | "json"
  | "profile";

export interface CommandField {
  name: string;
  kind: FieldKind;
  needed?: boolean;
  initial?: unknown;
  /** Alternatives of a choice: the specification's words. */
  options?: readonly string[];
}

export type CommandGroup =
  | "charging"
  | "station"
  | "limits"
  | "configuration"
  | "firmware"
  | "certificates"
  | "lists"
  | "display"
  | "monitoring"
  | "expert";

export interface CommandKind {
  kind: string;
  group: CommandGroup;
  /** Without it, every version. */
  versions?: readonly Protocol[];
  /** Interrupts somebody's charging or takes the station out of service: asked again before it is sent. */
  drastic?: boolean;
  fields: readonly CommandField[];
}

const V2: readonly Protocol[] = ["ocpp2.0.1", "ocpp2.1"];

const TRIGGERS = [
  "BootNotification",
  "Heartbeat",
  "StatusNotification",
  "MeterValues",
  "TransactionEvent",
  "FirmwareStatusNotification",
  "LogStatusNotification",
  "DiagnosticsStatusNotification",
  "SignChargingStationCertificate",
  "SignV2GCertificate",
];

const CERTIFICATE_USES = [
  "CSMSRootCertificate",
  "ManufacturerRootCertificate",
  "V2GRootCertificate",
  "MORootCertificate",
];

const evse = (needed = false): CommandField => ({ name: "evse", kind: "evse", needed });
const location: CommandField = { name: "location", kind: "text", needed: true };
const retries: readonly CommandField[] = [
  { name: "retries", kind: "number" },
  { name: "retry_interval", kind: "number" },
];

export const COMMANDS: readonly CommandKind[] = [
  {
    kind: "start_charging",
    group: "charging",
    fields: [{ name: "token", kind: "token", needed: true }, evse()],
  },
  { kind: "stop_charging", group: "charging", drastic: true, fields: [{ name: "transaction", kind: "transaction", needed: true }] }, // prettier-ignore
  { kind: "unlock", group: "charging", drastic: true, fields: [evse(true), { name: "connector", kind: "number", initial: 1 }] }, // prettier-ignore
  {
    kind: "reserve",
    group: "charging",
    fields: [
      { name: "reservation_id", kind: "number", needed: true },
      { name: "token", kind: "token", needed: true },
      { name: "expires", kind: "moment", needed: true },
      evse(),
    ],
  },
  {
    kind: "cancel_reservation",
    group: "charging",
    fields: [{ name: "reservation_id", kind: "number", needed: true }],
  },
  {
    kind: "get_transaction_status",
    group: "charging",
    versions: V2,
    fields: [{ name: "transaction", kind: "transaction" }],
  },
  { kind: "cost_updated", group: "charging", versions: V2, fields: [{ name: "transaction", kind: "transaction", needed: true }, { name: "total", kind: "decimal", needed: true }] }, // prettier-ignore

  { kind: "reset", group: "station", drastic: true, fields: [{ name: "immediate", kind: "switch" }, evse()] },
  { kind: "change_availability", group: "station", drastic: true, fields: [{ name: "operative", kind: "switch", initial: true }, { name: "evse", kind: "evse", initial: 0 }] }, // prettier-ignore
  { kind: "trigger", group: "station", fields: [{ name: "message", kind: "choice", options: TRIGGERS, needed: true }, evse()] }, // prettier-ignore
  { kind: "get_log", group: "station", fields: [location, { name: "log", kind: "choice", options: ["DiagnosticsLog", "SecurityLog", "DataCollectorLog"], initial: "DiagnosticsLog" }, { name: "oldest", kind: "moment" }, { name: "latest", kind: "moment" }, ...retries] }, // prettier-ignore
  { kind: "data_transfer", group: "station", fields: [{ name: "vendor", kind: "text", needed: true }, { name: "message", kind: "text" }, { name: "data", kind: "json" }] }, // prettier-ignore
  { kind: "customer_information", group: "station", versions: V2, fields: [{ name: "report", kind: "switch", initial: true }, { name: "clear", kind: "switch" }, { name: "customer_identifier", kind: "text" }, { name: "token", kind: "token" }] }, // prettier-ignore

  { kind: "set_charging_profile", group: "limits", fields: [evse(true), { name: "profile", kind: "profile", needed: true }] }, // prettier-ignore
  { kind: "clear_charging_profile", group: "limits", fields: [{ name: "profile_id", kind: "number" }, evse(), { name: "purpose", kind: "choice", options: ["ChargePointMaxProfile", "ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile"] }, { name: "stack_level", kind: "number" }] }, // prettier-ignore
  { kind: "get_composite_schedule", group: "limits", fields: [evse(true), { name: "duration", kind: "number", needed: true, initial: 86_400 }, { name: "unit", kind: "choice", options: ["A", "W"] }] }, // prettier-ignore
  { kind: "get_charging_profiles", group: "limits", versions: V2, fields: [evse()] },

  { kind: "get_variables", group: "configuration", fields: [{ name: "variables", kind: "variables" }] },
  {
    kind: "set_variables",
    group: "configuration",
    fields: [{ name: "variables", kind: "variables", needed: true }],
  },
  { kind: "get_report", group: "configuration", versions: V2, fields: [{ name: "base", kind: "choice", options: ["FullInventory", "ConfigurationInventory", "SummaryInventory"], initial: "FullInventory" }] }, // prettier-ignore
  { kind: "set_network_profile", group: "configuration", versions: V2, drastic: true, fields: [{ name: "slot", kind: "number", needed: true }, { name: "data", kind: "json", needed: true }] }, // prettier-ignore
  { kind: "set_password", group: "configuration", drastic: true, fields: [] },
  { kind: "clear_cache", group: "configuration", fields: [] },

  { kind: "update_firmware", group: "firmware", drastic: true, fields: [location, { name: "retrieve", kind: "moment", needed: true }, { name: "install", kind: "moment" }, { name: "certificate", kind: "pem" }, { name: "signature", kind: "text" }, ...retries] }, // prettier-ignore
  { kind: "publish_firmware", group: "firmware", versions: V2, fields: [location, { name: "checksum", kind: "text", needed: true }, ...retries] }, // prettier-ignore
  { kind: "unpublish_firmware", group: "firmware", versions: V2, fields: [{ name: "checksum", kind: "text", needed: true }] }, // prettier-ignore

  { kind: "get_installed_certificates", group: "certificates", fields: [{ name: "uses", kind: "words" }] },
  { kind: "install_certificate", group: "certificates", fields: [{ name: "use", kind: "choice", options: CERTIFICATE_USES, needed: true }, { name: "certificate", kind: "pem", needed: true }] }, // prettier-ignore
  { kind: "delete_certificate", group: "certificates", drastic: true, fields: [{ name: "hash_data", kind: "json", needed: true }] }, // prettier-ignore
  {
    kind: "certificate_signed",
    group: "certificates",
    fields: [{ name: "chain", kind: "pem", needed: true }],
  },

  { kind: "get_local_list_version", group: "lists", fields: [] },
  { kind: "send_local_list", group: "lists", fields: [{ name: "version", kind: "number", needed: true }, { name: "full", kind: "switch", initial: true }, { name: "entries", kind: "json", initial: [] }] }, // prettier-ignore

  { kind: "set_display_message", group: "display", versions: V2, fields: [{ name: "message", kind: "json", needed: true }] }, // prettier-ignore
  {
    kind: "get_display_messages",
    group: "display",
    versions: V2,
    fields: [{ name: "ids", kind: "numbers" }],
  },
  { kind: "clear_display_message", group: "display", versions: V2, fields: [{ name: "id", kind: "number", needed: true }] }, // prettier-ignore

  { kind: "set_monitoring_base", group: "monitoring", versions: V2, fields: [{ name: "base", kind: "choice", options: ["All", "FactoryDefault", "HardWiredOnly"], needed: true }] }, // prettier-ignore
  { kind: "set_monitoring_level", group: "monitoring", versions: V2, fields: [{ name: "severity", kind: "number", needed: true, initial: 5 }] }, // prettier-ignore
  { kind: "set_variable_monitoring", group: "monitoring", versions: V2, fields: [{ name: "monitors", kind: "json", needed: true }] }, // prettier-ignore
  { kind: "clear_variable_monitoring", group: "monitoring", versions: V2, fields: [{ name: "ids", kind: "numbers", needed: true }] }, // prettier-ignore
  {
    kind: "get_monitoring_report",
    group: "monitoring",
    versions: V2,
    fields: [{ name: "criteria", kind: "words" }],
  },

  { kind: "raw", group: "expert", drastic: true, fields: [{ name: "action", kind: "text", needed: true }, { name: "payload", kind: "json", needed: true, initial: {} }] }, // prettier-ignore
];

/** The commands that a station of this version can be asked; all of them while its version is unknown. */
export function commandsFor(protocol: Protocol | null): readonly CommandKind[] {
  return COMMANDS.filter(({ versions }) => !versions || protocol === null || versions.includes(protocol));
}

export function initialValues(command: CommandKind): Record<string, unknown> {
  return Object.fromEntries(command.fields.map(({ name, kind, initial }) => [name, initial ?? blank(kind)]));
}

function blank(kind: FieldKind): unknown {
  if (kind === "switch") return false;
  if (kind === "variables") return [];
  if (kind === "token") return { value: "", kind: "ISO14443" };
  return null;
}

/** What the API is sent: empty fields are left out, so that its own defaults hold. */
export function paramsOf(
  command: CommandKind,
  values: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const told = command.fields.map(({ name, kind }) => [name, wire(kind, values[name])] as const);
  return Object.fromEntries(told.filter(([, value]) => value !== undefined));
}

function wire(kind: FieldKind, value: unknown): unknown {
  if (value === null || value === undefined || value === "") return undefined;
  if (kind === "token" && (value as { value: string }).value === "") return undefined;
  if (kind === "moment") return new Date(value as string).toISOString();
  if (kind === "words") return String(value).split(/[\s,]+/).filter(Boolean); // prettier-ignore
  if (kind === "numbers") return String(value).split(/[\s,]+/).filter(Boolean).map(Number); // prettier-ignore
  if (kind === "json" && typeof value === "string") return JSON.parse(value) as unknown;
  return value;
}
