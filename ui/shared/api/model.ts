/** The things the API speaks of, as far as the screens read them. */

export type Protocol = "ocpp1.6" | "ocpp2.0.1" | "ocpp2.1";
export type Approval = "pending" | "accepted" | "rejected";

/** What a plug says of itself. */
export type ConnectorStatus =
  | "available"
  | "preparing"
  | "charging"
  | "suspended_ev"
  | "suspended_evse"
  | "finishing"
  | "occupied"
  | "reserved"
  | "unavailable"
  | "faulted";

/** What an EVSE is to the world: the availability ledger's word. */
export type EvseState = "available" | "occupied" | "reserved" | "unavailable" | "faulted" | "offline";

export interface Organization {
  id: string;
  name: string;
  currency: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
  time_zone: string;
  details: { support?: { phone?: string; email?: string } };
}

export interface Me {
  kind: "person" | "key" | "system";
  name: string;
  person_id: string | null;
  /** Of people, not of keys. */
  full_name?: string;
  email?: string;
  organization: Organization | null;
  /** All that the person belongs to. */
  organizations?: { id: string; name: string; role: string }[];
  permissions: string[];
}

export interface Site {
  id: string;
  name: string;
  address: string;
  city: string;
  postal_code: string;
  country: string;
  latitude: number | null;
  longitude: number | null;
  time_zone: string;
  public: boolean;
  details: Record<string, unknown>;
}

export interface ConnectorState {
  evse: number;
  number: number;
  kind: string | null;
  status: ConnectorStatus;
  status_at: string;
  error: string | null;
}

export interface Station {
  id: string;
  /** The name it has on the wire. */
  identity: string;
  name: string;
  site_id: string | null;
  approval: Approval;
  security_profile: number;
  protocol: Protocol | null;
  secure: boolean;
  address?: string | null;
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
  /** Connections superseded by a newer one. */
  flaps: number;
  created_at: string;
  connectors: ConnectorState[];
}

/** A station that may come in now: where to point it, with which password. Shown this once. */
export interface Invitation {
  id: string;
  identity: string;
  urls: string[];
  password: string | null;
}

export interface Connector extends ConnectorState {
  id: string;
  max_current: number | null;
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

export type SessionStatus = "active" | "ended" | "presumed_ended";
export type ChargingState = "Charging" | "EVConnected" | "SuspendedEV" | "SuspendedEVSE" | "Idle";

export interface Session {
  id: string;
  site_id: string | null;
  station_id: string;
  transaction_id: string;
  status: SessionStatus;
  evse: number | null;
  connector: number | null;
  started_at: string;
  ended_at: string | null;
  presumed_end: string | null;
  stop_reason: string | null;
  closed_by: string | null;
  refused: boolean;
  /** AuthorizationStatusEnumType; null: no token yet. */
  verdict: string | null;
  token_last4: string | null;
  token_kind: string | null;
  /** The start happened while the station had no link. */
  offline: boolean;
  /** Wh */
  energy: number;
  /** W, as last told. */
  power: number | null;
  /** Percent of the vehicle's battery, where it says. */
  soc: number | null;
  charging_state: ChargingState | null;
  /** What is odd about it. */
  flags: string[];
  /** Somebody has to look at it before it is billed. */
  held: boolean;
  /** What a review decided, Wh. */
  approved_energy: number | null;
  reviewed_by: string | null;
  /** How many of its numbered events never came. */
  missing_events: number;
  /** Seconds the station's clock was ahead. */
  clock_offset: number;
  reservation_id: number | null;
}

/** One event of a transaction as the station told it. */
export interface SessionEvent {
  phase: "started" | "updated" | "ended";
  digest: string;
  sequence: number | null;
  at: string;
  received_at: string;
  trigger: string | null;
  charging_state: ChargingState | null;
  stopped_reason: string | null;
  offline: boolean;
  token_last4: string | null;
}

export interface Reading {
  at: string;
  energy: number | null;
  power: number | null;
  power_offered: number | null;
  current: number | null;
  current_l1: number | null;
  current_l2: number | null;
  current_l3: number | null;
  voltage: number | null;
  soc: number | null;
  temperature: number | null;
}

export interface Token {
  id: string;
  kind: string;
  name: string;
  last4: string;
  status: "active" | "blocked";
  valid_from: string | null;
  valid_until: string | null;
  group_id: string | null;
  created_at: string;
}

export type OperationStatus =
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
  kind: string;
  status: OperationStatus;
  batch_id: string | null;
  actor: string;
  reason: string | null;
  created_at: string;
  not_before: string;
  expires_at: string;
  sent_at: string | null;
  answered_at: string | null;
  ended_at: string | null;
  /** JSON, as the station answered. */
  answer: string | null;
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
  sentence: string;
}

/** An answer that is whole, without pages. */
export interface All<T> {
  items: T[];
}

// --- faults -------------------------------------------------------------------------------------------------------

export type Severity = "critical" | "major" | "minor";
export type IncidentStatus = "open" | "resolved" | "merged";
export type Care = "watched" | "trying" | "needs_person";

/** One cause, with everything that shows it. */
export interface Incident {
  id: string;
  site_id: string | null;
  cause: string;
  rule: string;
  severity: Severity;
  status: IncidentStatus;
  care: Care;
  /** What can be tried against it, by name. */
  playbook: string | null;
  /** What speaks for this cause, in English. */
  why: string;
  started_at: string;
  detected_at: string;
  resolved_at: string | null;
  resolution: "by_itself" | "playbook" | "person" | null;
  merged_into: string | null;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
  /** How many stations it concerns; `at` names the first of them. */
  stations: number;
  at: { id: string; name: string; site_id: string | null }[];
  money_per_hour: string | null;
  currency: string | null;
  lost_so_far: string | null;
  seconds_to_detect: number;
  seconds_to_repair: number | null;
}

export interface IncidentSymptom {
  rule: string;
  station_id: string;
  station: string;
  evse: number;
  connector: number;
  since: string;
  until: string | null;
  evidence: Record<string, unknown>;
}

export interface IncidentStep {
  id: string;
  at: string;
  kind: string;
  actor: string;
  detail: Record<string, unknown>;
  operation_id: string | null;
}

export interface WholeIncident extends Incident {
  symptoms: IncidentSymptom[];
  steps: IncidentStep[];
}

export interface FaultFigures {
  days: number;
  incidents: number;
  open: number;
  needs_person: number;
  resolved: number;
  healed: number;
  seconds_to_detect: number | null;
  seconds_to_repair: number | null;
  lost_so_far: Record<string, string>;
}

export interface ConnectorHealth {
  id: string;
  station_id: string;
  station: string;
  site_id: string | null;
  evse: number;
  /** 0 to 100. */
  score: number;
  /** Points taken off, by what. */
  taken: Record<string, number>;
  links_a_day: number;
  power_fell_since: string | null;
  charges: number;
  updated_at: string;
}

export interface Playbook {
  name: string;
  title: string;
  /** Seconds until each step's effect must be seen. */
  steps: { command: string | null; wait: number }[];
  rules: string[];
  automatic: boolean;
  runs: number;
  helped: number;
}

export interface AlertChannel {
  kind: "app" | "mail" | "webhook";
  target: string;
}

export interface AlertRule {
  id: string;
  name: string;
  events: ("opened" | "escalated" | "resolved")[];
  severities: Severity[];
  site_id: string | null;
  channels: AlertChannel[];
  /** Times of day in `time_zone`. */
  quiet_begin: string | null;
  quiet_end: string | null;
  time_zone: string;
  wakes: boolean;
  repeat_minutes: number | null;
  enabled: boolean;
  webhook_secret: string | null;
}

export interface Alert {
  id: string;
  rule: string;
  incident_id: string | null;
  event: string;
  severity: Severity;
  channel: AlertChannel["kind"];
  target: string;
  subject: string;
  created_at: string;
  due_at: string;
  sent_at: string | null;
  failed_at: string | null;
  attempts: number;
  trouble: string | null;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
}

export interface MaintenanceWindow {
  id: string;
  site_id: string | null;
  station_id: string | null;
  site: string | null;
  station: string | null;
  begins_at: string;
  ends_at: string;
  note: string;
  out_of_use: boolean;
  created_by: string;
  state: "planned" | "in_force" | "over" | "cancelled";
}

// --- the live picture ---------------------------------------------------------------------------------------------

export interface LiveSession {
  id: string;
  evse: number | null;
  connector: number | null;
  started_at: string;
  energy: number;
  power: number | null;
  soc: number | null;
  charging_state: ChargingState | null;
  token_last4: string | null;
  refused: boolean;
  held: boolean;
}

export interface LiveStation {
  id: string;
  name: string;
  site_id: string | null;
  site: string | null;
  model: string | null;
  connected: boolean;
  approval: Approval;
  latitude: number | null;
  longitude: number | null;
  evses: Record<string, { state: EvseState; error: string | null }>;
  sessions: LiveSession[];
}

// --- the organization ---------------------------------------------------------------------------------------------

export interface ApiKey {
  id: string;
  name: string;
  /** The last four characters of its secret. */
  hint: string;
  permissions: string[];
  created_by: string;
  created_at: string;
  expires_at: string | null;
  last_used_at?: string | null;
}

export interface AuditEntry {
  id: string;
  at: string;
  actor_kind: string;
  actor: string;
  /** What was done, as thing.verb. */
  action: string;
  object_id: string | null;
  reason: string | null;
  /** JSON. */
  before: string | null;
  after: string | null;
}

export interface SignedInDevice {
  id: string;
  created_at: string;
  last_seen_at: string;
  address: string;
  user_agent: string;
  /** The one that asks. */
  is_this: boolean;
}

export type Role = "owner" | "operator" | "technician" | "support" | "finance" | "fleet_manager" | "driver";

export interface Person {
  id: string;
  email: string;
  name: string;
  role: Role;
  /** The only sites reached; null: all. */
  sites: string[] | null;
  since: string;
}

export interface Invitation {
  id: string;
  email: string;
  name: string;
  role: Role;
  sites: string[] | null;
  invited_by: string;
  created_at: string;
  expires_at: string;
}

export interface Mail {
  id: string;
  recipient: string;
  subject: string;
  created_at: string;
  sent_at: string | null;
  refused_at: string | null;
  trouble: string | null;
}

// --- power --------------------------------------------------------------------------------------------------------

export type CircuitKind = "connection" | "transformer" | "panel" | "feeder" | "station";
export type EnergyPolicy = "equal" | "first_come" | "cost" | "green";
export type Phases<T> = readonly [T, T, T];

export interface Circuit {
  id: string;
  parent_id: string | null;
  kind: CircuitKind;
  name: string;
  /** A of each phase. */
  current: number | null;
  /** W. */
  power: number | null;
  reserve: number;
  windows: {
    since: string;
    until: string;
    weekdays: number[];
    current: number | null;
    power: number | null;
  }[];
}

/** What holds at a circuit now: A of each phase. */
export interface CircuitNow {
  id: string;
  limit: Phases<number | null>;
  limit_power: number | null;
  drawn: Phases<number>;
  told: Phases<number>;
  reserved: Phases<number>;
  other: Phases<number>;
  power: number;
  dimmed_to: number | null;
}

/** What an EVSE has now, and why. */
export interface EvseNow {
  evse_id: string;
  station_id: string;
  number: number;
  name: string;
  circuit: string;
  in_contact: boolean;
  session_id: string | null;
  mode: string | null;
  departs: string | null;
  told: number;
  target: number | null;
  reserved: number;
  drew: number | null;
  power: number | null;
  because: string;
  /** The sentence by language. */
  reason: Record<string, string>;
}

/** What holds at a site now. */
export interface PowerNow {
  circuits: CircuitNow[];
  evses: EvseNow[];
  sharing: number;
}

export interface EnergyPlan {
  edges: string[];
  price: number[];
  /** W of each EVSE, step by step. */
  power: Record<string, number[]>;
}

export interface SiteEnergy {
  site_id: string;
  name: string;
  time_zone: string;
  steered: boolean;
  settings: { policy: EnergyPolicy };
  circuits: Circuit[];
  evses: { evse_id: string; circuit_id: string; rating: number }[];
  /** Plugs that hang on no circuit. */
  loose: { evse_id: string; name: string }[];
  pictured_at: string | null;
  now: PowerNow | null;
  planned_at: string | null;
  plan: EnergyPlan | null;
}

export interface EnergySite {
  site_id: string;
  name: string;
  policy: EnergyPolicy;
  current: number | null;
  power: number | null;
  sharing: number;
  connection: CircuitNow | null;
}
