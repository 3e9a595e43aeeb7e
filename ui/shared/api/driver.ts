/** What the driver's app reads of the API. */
import type { ChargingState } from "./model";

export type PlugState = "available" | "occupied" | "reserved" | "unavailable" | "faulted" | "offline";

export interface Price {
  /** Decimal strings in `currency`, with taxes. */
  energy: string | null;
  minute: string | null;
  start: string | null;
  currency: string;
}

/** A predicted wait in minutes, with the interval that holds in eight of ten cases. */
export interface Wait {
  minutes: number;
  low: number;
  high: number;
}

export interface Place {
  id: string;
  name: string;
  address: string;
  city: string;
  latitude: number;
  longitude: number;
  time_zone: string;
  plugs: number;
  free: number;
  /** Plugs that nobody can use now: faulted, out of service, offline. */
  out: number;
  /** W */
  max_power: number | null;
  /** OCPI ConnectorType. */
  connectors: string[];
  price: Price | null;
  wait: Wait | null;
  accessible: boolean;
  amenities: string[];
  open: boolean | null;
  /** When the state was last known to be so. */
  as_of: string;
}

export interface Plug {
  id: string;
  /** On the sticker, and in the QR code. */
  public_id: string;
  label: string | null;
  state: PlugState;
  state_since: string | null;
  connectors: string[];
  max_power: number | null;
  price: Price | null;
}

export interface PlaceDetails extends Place {
  evses: Plug[];
  /** Share of plugs in use by hour of the week, Monday first; null while there is no history. */
  busy: number[] | null;
  opening: string | null;
  phone: string | null;
}

export interface PlugDetails extends Plug {
  place: Place;
  /** What would keep a start from working, in a sentence; null when nothing does. */
  hindrance: string | null;
}

export interface Charge {
  id: string;
  place: { id: string; name: string };
  plug: string;
  state: "asking" | "charging" | "paused" | "finishing" | "ended" | "failed";
  charging_state: ChargingState | null;
  /** Why it failed, why it is slow, what to do: in a sentence. */
  sentence: string | null;
  started_at: string;
  ended_at: string | null;
  energy: number;
  power: number | null;
  soc: number | null;
  cost: { amount: string; currency: string } | null;
  /** Grams. */
  co2: number | null;
  /** Seconds, where it can be told. */
  left: number | null;
  receipt: string | null;
}

export interface DriverMe {
  name: string;
  permissions: string[];
}
