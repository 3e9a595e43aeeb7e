/** The things the API speaks of, as far as the screens read them. */

export type Protocol = "ocpp1.6" | "ocpp2.0.1" | "ocpp2.1";

export type EvseState =
  | "available"
  | "preparing"
  | "charging"
  | "suspended_ev"
  | "suspended_evse"
  | "finishing"
  | "occupied"
  | "reserved"
  | "unavailable"
  | "faulted"
  | "unknown";

export interface Organization {
  id: string;
  name: string;
}

export interface Site {
  id: string;
  name: string;
  address: string | null;
  city: string | null;
  latitude: number | null;
  longitude: number | null;
  time_zone: string;
  stations?: number;
}

export type Approval = "pending" | "accepted" | "rejected";

export interface Station {
  id: string;
  /** The name it has on the wire. */
  identity: string;
  name: string;
  site_id: string | null;
  site_name: string | null;
  approval: Approval;
  security_profile: number;
  protocol: Protocol | null;
  secure: boolean;
  address: string | null;
  connected: boolean;
  connected_at: string | null;
  disconnected_at: string | null;
  last_seen_at: string | null;
  booted_at: string | null;
  vendor: string | null;
  model: string | null;
  serial: string | null;
  firmware: string | null;
  firmware_status: string | null;
  boot_reason: string | null;
  /** Seconds its clock is ahead of ours. */
  clock_offset: number;
  flaps: number;
  created_at: string;
  /** The worst or busiest of its EVSEs, or what its lost link makes of them. */
  state: StationState;
}

export type StationState =
  "free" | "charging" | "occupied" | "reserved" | "unavailable" | "faulted" | "offline" | "unknown";

export interface Connector {
  number: number;
  kind: string | null;
  max_current: number | null;
  status: EvseState;
  status_at: string;
  error: string | null;
  operative: boolean;
}

export interface Evse {
  id: string;
  number: number;
  public_id: string | null;
  label: string | null;
  phases: number;
  /** W */
  max_power: number | null;
  connectors: Connector[];
  /** W now. */
  power: number | null;
  session_id: string | null;
}

/** One call and its answer, as on the wire. */
export interface Message {
  at: string;
  /** True: Gridlane called the station. */
  outgoing: boolean;
  action: string;
  message_id: string;
  payload: string;
  answer: string | null;
  warnings: string | null;
}

export type SessionState = "starting" | "charging" | "suspended" | "ended" | "stuck" | "refused";

export interface Session {
  id: string;
  station_id: string;
  station_name: string;
  site_name: string | null;
  evse: number;
  connector: number | null;
  transaction: string | null;
  token: string | null;
  state: SessionState;
  started_at: string;
  ended_at: string | null;
  stop_reason: string | null;
  /** Wh */
  energy: number;
  /** W now, or at the end. */
  power: number | null;
  /** Percent of the vehicle's battery, where it says. */
  state_of_charge: number | null;
  cost: { amount: string; currency: string } | null;
  problems: string[];
}

export interface Reading {
  at: string;
  power: number | null;
  energy: number | null;
  current: [number | null, number | null, number | null] | null;
  voltage: [number | null, number | null, number | null] | null;
  state_of_charge: number | null;
  offered: number | null;
}

export interface Token {
  id: string;
  kind: "rfid" | "app" | "emaid" | "other";
  label: string | null;
  last4: string | null;
  group: string | null;
  blocked: boolean;
  valid_until: string | null;
  created_at: string;
}

export type OperationState =
  | "queued"
  | "sent"
  | "agreed"
  | "verified"
  | "unverified"
  | "refused"
  | "timed_out"
  | "unknown"
  | "failed"
  | "unsupported"
  | "expired"
  | "cancelled";

export interface Operation {
  id: string;
  station_id: string;
  station_name: string;
  kind: string;
  params: Record<string, unknown>;
  status: OperationState;
  actor: string;
  reason: string | null;
  created_at: string;
  expires_at: string;
  sent_at: string | null;
  answered_at: string | null;
  ended_at: string | null;
  answer: unknown;
  /** What verified it, or why it is not. */
  evidence: string | null;
}

/** A handshake or a connection that failed before the station could speak. */
export interface Stumble {
  id: string;
  at: string;
  identity: string;
  address: string;
  count: number;
  reason_code: string;
}

export interface LiveStation {
  name: string;
  latitude: number | null;
  longitude: number | null;
  state: StationState;
  power: number;
  sessions: number;
}

export interface LiveTotals {
  stations: number;
  stations_online: number;
  evses: Partial<Record<EvseState, number>>;
  sessions: number;
  power: number;
  power_limit: number | null;
  energy_today: number;
  faults: number;
  start_success: number | null;
}
