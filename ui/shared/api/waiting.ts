/** What the driver's app reads of the API about waiting. */

/** A wait in minutes; four in five lie from `low` to `high`. `free_chance`: to find a free plug on arrival. */
export interface WaitForecast {
  site_id: string;
  free_chance: number;
  low: number;
  middle: number;
  high: number;
  mean: number;
}

/** When a plug in use is likely to be free, minutes from now. */
export interface PlugForecast {
  public_id: string | null;
  low: number;
  middle: number;
  high: number;
}

export interface WaitDetails {
  wait: WaitForecast;
  plugs: PlugForecast[];
  /** The chance of a free plug now and after each full hour. */
  hours: number[];
  queue: QueueState;
  as_of: string;
}

export interface QueueState {
  open: boolean;
  waiting: number;
  /** Whether plugs can be reserved here. */
  reservations: boolean;
}

export type QueueStatus = "waiting" | "held" | "snoozed" | "charging" | "left" | "missed";

/** One's place in the queue of a site. */
export interface QueuePlace {
  id: string;
  site: { id: string; name: string };
  status: QueueStatus;
  joined_at: string;
  held_until: string | null;
  snoozed_until: string | null;
  snoozes: number;
  misses: number;
  /** How many are to be served before. */
  ahead: number;
  plug: { public_id: string; label: string | null } | null;
  wait: WaitForecast | null;
}

export type ReservationStatus = "booked" | "used" | "no_show" | "cancelled" | "failed";

export interface Reservation {
  id: string;
  site_id: string;
  site_name: string;
  public_id: string | null;
  label: string | null;
  begins_at: string;
  ends_at: string;
  status: ReservationStatus;
  owed: string;
}

/** A place for a driver here and now; all but the price in minutes, distances in kilometres. */
export interface Choice {
  site_id: string;
  travel: number;
  kilometres: number;
  free_chance: number;
  low: number;
  middle: number;
  high: number;
  charging: number;
  /** What the energy costs there. */
  price: number | null;
  cost: number;
  /** Cars known to be on the way there. */
  coming: number;
  max_power: number;
}

/** What an operator decides about waiting at a site. Fees are decimals without tax. */
export interface WaitingRules {
  queue: boolean;
  hold_minutes: number;
  snooze_minutes: number;
  snoozes: number;
  chances: number;
  capacity: number;
  reservations: boolean;
  ahead_days: number;
  longest_minutes: number;
  kept_before_minutes: number;
  grace_minutes: number;
  free_until_minutes: number;
  fee: string;
  no_show_fee: string;
  currency: string;
  vat: string | null;
}

export interface WaitingAtSite {
  rules: WaitingRules;
  /** In order, without who they are. */
  queue: { id: string; status: QueueStatus; joined_at: string; held_until: string | null }[];
}
