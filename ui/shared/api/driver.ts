/** What the driver's app reads of the API. */
import type { EvseState } from "./model";

/** What a session that begins now costs, taxes inside: decimal strings per kWh, per hour, per idle hour, once. */
export interface Price {
  currency: string;
  energy: string | null;
  hour: string | null;
  idle_hour: string | null;
  start: string | null;
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
  accessible: boolean;
  amenities: string[];
  opening: string | null;
  /** When the state was last known to be so. */
  as_of: string;
}

export interface Plug {
  /** On the sticker, and in the QR code. */
  public_id: string;
  label: string | null;
  state: EvseState;
  state_since: string | null;
  connectors: string[];
  max_power: number | null;
  price: Price | null;
}

/** What a kWh costs from then on (decimal string, taxes inside); null: nothing. */
export interface PriceAhead {
  since: string;
  energy: string | null;
}

export interface PlaceDetails extends Place {
  evses: Plug[];
  prices_ahead: PriceAhead[];
}

export interface PlugDetails extends Plug {
  station_id: string;
  place: Place;
}

export type ChargeState =
  "later" | "asking" | "preparing" | "charging" | "paused" | "finishing" | "ended" | "failed";

/** Why a charge waits or failed; the words are ours. */
export type ChargeReason =
  "plug_in" | "not_plugged_in" | "station_refused" | "no_answer" | "token_refused" | "called_off";

/** Where a charge ends by itself: Wh, currency (decimal string), seconds, percent. */
export interface ChargeLimits {
  energy?: number;
  cost?: string;
  time?: number;
  soc?: number;
}

export interface Charge {
  id: string;
  place: { id: string | null; name: string };
  state: ChargeState;
  why: ChargeReason | null;
  started_at: string;
  ended_at: string | null;
  /** When it is to begin, where that was asked for. */
  begins_at: string | null;
  limits: ChargeLimits;
  /** The limit at which it was ended. */
  limit_reached: keyof ChargeLimits | null;
  energy: number;
  power: number | null;
  soc: number | null;
  stop_reason: string | null;
  cost: { amount: string; currency: string } | null;
  /** Address of its paper. */
  receipt: string | null;
}

/** How a charge would be planned: power in steps, over the price of each. */
export interface ChargePlan {
  edges: string[];
  price: number[];
  /** W */
  power: number[];
  /** Wh */
  energy: number;
  /** Per kWh, of the market or the site's tariff by the hour. */
  mean_price: number | null;
  ready_at: string | null;
  /** Wh that cannot be had in time. */
  unmet: number;
}

/** What a running charge has now and why, and how it goes on. */
export interface OwnPlan {
  wish: { mode: string; departs_at: string | null; energy: number | null } | null;
  told: number | null;
  because: string | null;
  reason: Record<string, string> | null;
  plan: { edges: string[]; price: number[]; power: number[] } | null;
  /** Of the place: its words and its picture tell the same time. */
  time_zone: string | null;
}
