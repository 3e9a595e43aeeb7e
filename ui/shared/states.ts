/** How every state looks: one tone, one shape, one word. Colour is never the only sign. */
import type {
  Care,
  ConnectorStatus,
  EvseState,
  LiveStation,
  OperationStatus,
  Session,
  Severity,
} from "./api/model";

export type Tone = "free" | "charging" | "waiting" | "reserved" | "fault" | "off" | "plain" | "accent";

export const EVSE_TONES: Record<EvseState, Tone> = {
  available: "free",
  occupied: "waiting",
  reserved: "reserved",
  unavailable: "off",
  faulted: "fault",
  offline: "off",
};

export const CONNECTOR_TONES: Record<ConnectorStatus, Tone> = {
  available: "free",
  preparing: "waiting",
  charging: "charging",
  suspended_ev: "waiting",
  suspended_evse: "waiting",
  finishing: "waiting",
  occupied: "waiting",
  reserved: "reserved",
  unavailable: "off",
  faulted: "fault",
};

/** What a whole station is, in one word: the worst of it, else the busiest. */
export type StationState =
  "offline" | "faulted" | "charging" | "free" | "occupied" | "reserved" | "unavailable" | "unknown";

export const STATION_TONES: Record<StationState, Tone> = {
  offline: "off",
  faulted: "fault",
  charging: "charging",
  free: "free",
  occupied: "waiting",
  reserved: "reserved",
  unavailable: "off",
  unknown: "off",
};

export function stationState(station: Pick<LiveStation, "connected" | "evses" | "sessions">): StationState {
  if (!station.connected) return "offline";
  const states = new Set(Object.values(station.evses).map(({ state }) => state));
  if (states.has("faulted")) return "faulted";
  if (station.sessions.some(({ power }) => (power ?? 0) > 0)) return "charging";
  if (states.has("available")) return "free";
  if (states.has("occupied")) return "occupied";
  if (states.has("reserved")) return "reserved";
  return states.has("unavailable") ? "unavailable" : "unknown";
}

/** The same of a station as the directory lists it: its plugs say more than an EVSE does. */
export function listedState(connected: boolean, plugs: readonly { status: ConnectorStatus }[]): StationState {
  if (!connected) return "offline";
  const states = new Set(plugs.map(({ status }) => status));
  if (states.has("faulted")) return "faulted";
  if (states.has("charging")) return "charging";
  if (states.has("available")) return "free";
  if (states.has("reserved")) return "reserved";
  if (states.size === 0) return "unknown";
  return [...states].every((status) => status === "unavailable") ? "unavailable" : "occupied";
}

/** What a session is, in one word. */
export type SessionState =
  "starting" | "charging" | "paused" | "finishing" | "ended" | "presumed_ended" | "refused" | "held";

export const SESSION_TONES: Record<SessionState, Tone> = {
  starting: "waiting",
  charging: "charging",
  paused: "waiting",
  finishing: "waiting",
  ended: "plain",
  presumed_ended: "off",
  refused: "fault",
  held: "fault",
};

export function sessionState(
  session: Pick<Session, "status" | "refused" | "held" | "charging_state" | "energy">,
): SessionState {
  if (session.refused) return "refused";
  if (session.held) return "held";
  if (session.status !== "active") return session.status;
  if (session.charging_state === "Charging") return "charging";
  if (session.charging_state === "Idle") return "finishing";
  if (session.charging_state === "SuspendedEV" || session.charging_state === "SuspendedEVSE") return "paused";
  return session.energy > 0 ? "charging" : "starting";
}

export const OPERATION_TONES: Record<OperationStatus, Tone> = {
  queued: "off",
  sent: "waiting",
  agreed: "charging",
  verified: "free",
  unverified: "waiting",
  refused: "fault",
  timed_out: "fault",
  unknown: "off",
  failed: "fault",
  unsupported: "off",
  expired: "off",
  cancelled: "off",
};

/** Whether something may still happen to it. */
export function underWay(status: OperationStatus): boolean {
  return status === "queued" || status === "sent" || status === "agreed";
}

export const SEVERITY_TONES: Record<Severity, Tone> = {
  critical: "fault",
  major: "fault",
  minor: "waiting",
};

export const CARE_TONES: Record<Care, Tone> = { watched: "plain", trying: "charging", needs_person: "fault" };

/** How good a health score of 0 to 100 is. */
export function scoreTone(score: number): Tone {
  return score >= 85 ? "free" : score >= 60 ? "waiting" : "fault";
}
