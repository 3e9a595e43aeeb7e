/** How every state looks: one tone, one shape, one word. Colour is never the only sign. */
import type { EvseState, OperationState, SessionState, StationState } from "./api/model";

export type Tone = "free" | "charging" | "waiting" | "reserved" | "fault" | "off" | "plain" | "accent";

export const STATION_TONES: Record<StationState, Tone> = {
  free: "free",
  charging: "charging",
  occupied: "waiting",
  reserved: "reserved",
  unavailable: "off",
  faulted: "fault",
  offline: "off",
  unknown: "off",
};

export const EVSE_TONES: Record<EvseState, Tone> = {
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
  unknown: "off",
};

export const SESSION_TONES: Record<SessionState, Tone> = {
  starting: "waiting",
  charging: "charging",
  suspended: "waiting",
  ended: "plain",
  stuck: "fault",
  refused: "fault",
};

export const OPERATION_TONES: Record<OperationState, Tone> = {
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
export function underWay(state: OperationState): boolean {
  return state === "queued" || state === "sent" || state === "agreed";
}
