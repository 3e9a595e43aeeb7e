/**
 * What a station tells of itself, list by list, as data: where it is shown, what a reader sees of each row, and
 * what asks the station to tell it anew. Lists and columns are the API's; the tables are drawn from this one.
 */
export type ToldPlace = "device" | "limits" | "security" | "firmware";

interface Told {
  path: string;
  place: ToldPlace;
  /** What is seen of each row; opened, it shows everything. */
  columns: readonly string[];
  /** The commands that make a station tell it (`commands.ts`): the first that its version knows. */
  ask?: readonly string[];
  searched?: boolean;
  permission?: string;
}

export interface ToldList extends Told {
  path: (typeof TOLD)[number]["path"];
}
export type ToldRow = Readonly<Record<string, unknown>> & { id: string };

export const TOLD = [
  {
    path: "variables",
    place: "device",
    columns: ["component", "variable", "value", "mutability", "reported_at"],
    ask: ["get_report", "get_variables"],
    searched: true,
  },
  {
    path: "events",
    place: "device",
    columns: ["at", "component", "variable", "value", "trigger", "severity", "tech_code"],
    searched: true,
  },
  {
    path: "monitors",
    place: "device",
    columns: ["id", "component", "variable", "kind", "value", "severity", "reported_at"],
    ask: ["get_monitoring_report"],
  },
  {
    path: "displays",
    place: "device",
    columns: ["message_id", "content", "state", "priority", "starts_at", "ends_at"],
    ask: ["get_display_messages"],
  },
  { path: "local-list", place: "device", columns: ["version", "told_at"], ask: ["get_local_list_version"] },
  {
    path: "tariffs",
    place: "device",
    columns: ["tariff_id", "evse", "kind", "valid_from", "content", "told_at"],
  },
  {
    path: "event-streams",
    place: "device",
    columns: ["stream_id", "monitor_id", "interval", "values", "opened_at", "closed_at"],
  },
  { path: "stream-values", place: "device", columns: ["at", "stream_id", "values", "pending"] },
  { path: "battery-swaps", place: "device", columns: ["at", "event", "batteries", "token_last4"] },
  {
    path: "customer-reports",
    place: "device",
    columns: ["at", "request_id", "part", "data"],
    ask: ["customer_information"],
    permission: "people:read",
  },
  {
    path: "other-messages",
    place: "device",
    columns: ["at", "action", "vendor", "message", "payload"],
    searched: true,
    permission: "messages:read",
  },

  {
    path: "profiles",
    place: "limits",
    columns: ["profile_id", "evse", "purpose", "source", "stack_level", "schedules", "reported_at"],
    ask: ["get_charging_profiles"],
  },
  {
    path: "composite-schedules",
    place: "limits",
    columns: ["evse", "schedule", "told_at"],
    ask: ["get_composite_schedule"],
  },
  {
    path: "external-limits",
    place: "limits",
    columns: ["at", "source", "evse", "cleared", "grid_critical", "schedules"],
  },
  { path: "priority-charging", place: "limits", columns: ["transaction", "activated", "by_station", "at"] },
  { path: "vehicle-reports", place: "limits", columns: ["at", "evse", "kind", "content"] },
  {
    path: "reservations",
    place: "limits",
    columns: ["reservation_id", "evse", "status", "token_last4", "expires_at", "made_at"],
  },
  {
    path: "der-controls",
    place: "limits",
    columns: ["control_id", "kind", "acts", "acts_since", "content", "told_at"],
  },
  { path: "der-alarms", place: "limits", columns: ["at", "kind", "fault", "ended", "info"] },

  { path: "security-events", place: "security", columns: ["at", "kind", "critical", "info"] },
  {
    path: "certificates",
    place: "security",
    columns: ["kind", "status", "subject", "expires_at", "issued_at"],
  },
  {
    path: "installed-certificates",
    place: "security",
    columns: ["use", "serial_number", "hash_algorithm", "reported_at"],
    ask: ["get_installed_certificates"],
  },

  {
    path: "firmware",
    place: "firmware",
    columns: ["at", "status", "firmware", "info"],
    ask: ["update_firmware"],
  },
  { path: "logs", place: "firmware", columns: ["created_at", "kind", "status", "file_name", "size", "info"] },
] as const satisfies readonly Told[];

/** The lists of one place, without those whose reader needs more rights. */
export function toldAt(place: ToldPlace, may: (permission: string) => boolean): readonly ToldList[] {
  return (TOLD as readonly ToldList[]).filter(
    (list) => list.place === place && (!list.permission || may(list.permission)),
  );
}

const MOMENT = /_at$|^at$|^valid_|_since$/;

/** How a value is shown: moments as such, structures and long ones folded away. */
export function kindOf(column: string, value: unknown): "none" | "moment" | "yes" | "whole" | "plain" {
  if (value === null || value === undefined || value === "") return "none";
  if (typeof value === "boolean") return "yes";
  if (typeof value === "object") return "whole";
  if (MOMENT.test(column)) return "moment";
  return String(value).length > LONG ? "whole" : "plain";
}

const LONG = 120;

/** A structure, or text that may be one, to be read by a person. */
export function whole(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value, null, 2);
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return value;
  }
}
