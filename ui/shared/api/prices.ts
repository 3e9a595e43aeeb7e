/** Tariffs as the API tells and takes them: the fields of OCPI 2.3.0, and what is our own. */

export type Dimension = "ENERGY" | "FLAT" | "PARKING_TIME" | "TIME";
export type Weekday = "MONDAY" | "TUESDAY" | "WEDNESDAY" | "THURSDAY" | "FRIDAY" | "SATURDAY" | "SUNDAY";

export interface SpotFormula {
  feed: string;
  fallback: number;
  factor?: number;
  fee?: number;
  floor?: number;
  cap?: number;
}

export interface PriceComponent {
  type: Dimension;
  /** Per kWh, per hour or per session. */
  price: number;
  vat?: number;
  step_size?: number;
  spot?: SpotFormula;
}

export interface Restrictions {
  start_time?: string;
  end_time?: string;
  start_date?: string;
  end_date?: string;
  min_kwh?: number;
  max_kwh?: number;
  min_power?: number;
  max_power?: number;
  /** Seconds. */
  min_duration?: number;
  max_duration?: number;
  day_of_week?: Weekday[];
}

export interface TariffElement {
  /** The word a bill uses: "peak". */
  name?: string;
  price_components: PriceComponent[];
  restrictions?: Restrictions;
}

export interface TariffContent {
  currency: string;
  tax_included: "YES" | "NO" | "N/A";
  elements: TariffElement[];
  min_price?: { before_taxes: number; after_taxes?: number };
  max_price?: { before_taxes: number; after_taxes?: number };
  /** Seconds of parking that cost nothing. */
  idle_grace?: number;
}

export interface Tariff {
  id: string;
  name: string;
  currency: string;
  created_at: string;
  archived_at: string | null;
}

export interface TariffVersion {
  id: string;
  tariff_id: string;
  valid_from: string;
  tariff: TariffContent;
  warnings: { field: string; sentence: string }[];
}

export interface Assignment {
  id: string;
  tariff_id: string;
  valid_from: string;
  valid_until: string | null;
  site_id: string | null;
  station_id: string | null;
  group_id: string | null;
  for_guests: boolean;
}

export interface Assignments {
  items: Assignment[];
  overlaps: { winner: Assignment; loser: Assignment; since: string; until: string | null }[];
}

export interface Priced {
  lines: { reason: string; amount: string; dimension: Dimension | null }[];
  net: string;
  tax: string;
  gross: string;
  currency: string;
}

export interface PricePoint {
  since: string;
  before_taxes: string | null;
  after_taxes: string | null;
}

export type Week = Record<Dimension, PricePoint[]>;
