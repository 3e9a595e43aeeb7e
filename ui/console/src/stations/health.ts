/**
 * Is this station healthy, if not why, and what next: rules over what is known of it, worst first. A rule says what it
 * sees; its words and its next steps are found by its key.
 */
import type { Evse, Station } from "$shared/api/model";

export type Severity = "fault" | "waiting" | "off";

export interface Finding {
  key: FindingKey;
  severity: Severity;
  /** Fills the sentence. */
  about: Readonly<Record<string, string | number>>;
  since: string | null;
  /** Commands that help, most likely first. */
  next: readonly { kind: string; values?: Readonly<Record<string, unknown>> }[];
}

export type FindingKey =
  | "pending"
  | "rejected"
  | "never_connected"
  | "offline"
  | "faulted"
  | "silent"
  | "unavailable"
  | "clock"
  | "insecure"
  | "firmware_failed";

const SILENT_AFTER = 15 * 60; // seconds; three heartbeats of the default interval
const CLOCK_TOLERANCE = 30; // seconds

export function findings(station: Station, evses: readonly Evse[], now: number): Finding[] {
  return [...linkFindings(station, now), ...plugFindings(evses), ...softFindings(station)];
}

function linkFindings(station: Station, now: number): Finding[] {
  if (station.approval === "pending")
    return [finding("pending", "waiting", { name: station.name }, station.created_at)];
  if (station.approval === "rejected") return [finding("rejected", "off", {}, null)];
  if (!station.last_seen_at) return [finding("never_connected", "off", {}, station.created_at)];
  if (!station.connected)
    return [finding("offline", "fault", {}, station.disconnected_at ?? station.last_seen_at)];
  const silence = (now - Date.parse(station.last_seen_at)) / 1000;
  if (silence > SILENT_AFTER)
    return [finding("silent", "waiting", {}, station.last_seen_at, [{ kind: "trigger", values: { message: "Heartbeat" } }, { kind: "reset" }])]; // prettier-ignore
  return [];
}

function plugFindings(evses: readonly Evse[]): Finding[] {
  const found: Finding[] = [];
  for (const { number, connectors } of evses) {
    for (const { status, status_at, error } of connectors) {
      if (status === "faulted")
        found.push(
          finding("faulted", "fault", { number, error: error ?? "–" }, status_at, [
            { kind: "trigger", values: { message: "StatusNotification", evse: number } },
            { kind: "unlock", values: { evse: number } },
            { kind: "reset" },
            { kind: "get_log" },
          ]),
        );
      else if (status === "unavailable")
        found.push(finding("unavailable", "off", { number }, status_at, [{ kind: "change_availability", values: { operative: true, evse: number } }])); // prettier-ignore
    }
  }
  return found;
}

function softFindings(station: Station): Finding[] {
  const found: Finding[] = [];
  const drift = Math.round(station.clock_offset);
  if (Math.abs(drift) > CLOCK_TOLERANCE)
    found.push(finding("clock", "waiting", { count: Math.abs(drift) }, null, [{ kind: "trigger", values: { message: "Heartbeat" } }])); // prettier-ignore
  if (station.firmware_status && /Fail|Invalid/.test(station.firmware_status))
    found.push(finding("firmware_failed", "waiting", { status: station.firmware_status }, null, [{ kind: "update_firmware" }])); // prettier-ignore
  if (station.connected && !station.secure) found.push(finding("insecure", "off", {}, null));
  return found;
}

function finding(
  key: FindingKey,
  severity: Severity,
  about: Finding["about"],
  since: string | null,
  next: Finding["next"] = [],
): Finding {
  return { key, severity, about, since, next };
}
