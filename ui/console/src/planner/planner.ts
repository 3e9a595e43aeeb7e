/** What planning says over the API, and the arithmetic its screens do. */
import type { All } from "$shared/api/model";

export type Objective = "coverage" | "access" | "service" | "cost" | "flows";
export type Decay = "step" | "linear" | "logit";
export type Against = "money" | "access" | "equity";

export interface Aim {
  objective: Objective;
  radius_m: number;
  decay: Decay;
  sites?: number;
  /** "2500000 EUR". */
  budget?: string;
  share?: number;
  people: string;
  floors?: Record<string, number>;
  largest_difference?: number;
  /** Of one charge, for flows. */
  range_km?: number;
}

export interface Period {
  name: string;
  budget: number;
  demand: number;
}

export interface Scenario {
  id: string;
  name: string;
  origin: "upload" | "shipped" | "network";
  page: {
    aim: Partial<Aim>;
    periods?: Period[];
    wait?: { share: number; minutes: number };
    costs?: { currency?: string };
    source?: string;
  };
  counts: {
    demand_points: number;
    weight: number;
    people: string;
    groups: string[];
    candidates: number;
    priced: boolean;
    stations: number;
    points: number;
    money: boolean;
  };
  created_at: string;
  created_by: string;
}

/** Columns to draw from. */
export interface Drawn {
  demand: { lon: number[]; lat: number[]; weight: number[]; group: string[] };
  candidates: { id: string[]; kind: string[]; lon: number[]; lat: number[]; shut: boolean[] };
  stations: { id: string[]; kind: string[]; lon: number[]; lat: number[]; points: number[] };
}

export interface Certificate {
  objective: string;
  unit: string;
  larger_is_better: boolean;
  value: number;
  bound: number | null;
  gap: number | null;
  proof: "optimal" | "bounded" | "unproved";
  cpu_s: number;
  seed: number;
  stopped_early: boolean;
}

export interface ChosenSite {
  id: string;
  kind: string;
  lon: number;
  lat: number;
  serves: number;
  only_here: number;
  expense: number;
  reasons: string[];
  stages: { period: string; layout: string; spent: number }[];
}

export interface GroupShare {
  group: string;
  weight: number;
  before: number | null;
  after: number;
}

export interface MadePlan {
  certificate: Certificate;
  sites: ChosenSite[];
  groups: GroupShare[];
  settings: { objective: Objective; radius_m?: number; people: string; currency?: string };
}

export interface FrontPoint {
  covered: number;
  most: number | null;
  other: number;
  sites: string[];
}

export interface Step {
  stage: string;
  value: number;
  bound: number | null;
  seconds: number;
}

export type PlanState = "waiting" | "working" | "done" | "failed";

export interface PlanRow {
  id: string;
  scenario_id: string;
  name: string;
  kind: "plan" | "front";
  asked: { changes: { aim?: Aim; periods?: Period[] }; seed: number; against?: Against };
  state: PlanState;
  stop_asked: boolean;
  problem: string | null;
  created_at: string;
  certificate?: Certificate | null;
}

export interface Plan extends PlanRow {
  progress: Step[];
  best: (string | FrontPoint)[];
  result: { plan?: MadePlan; served?: string; points?: FrontPoint[] } | null;
}

export interface Change {
  before: number;
  after: number;
  gained: number;
  lost: number;
  serves: Record<string, number>;
  advice: string | null;
  served: string;
}

export interface Comparison {
  plans: { id: string; name: string }[];
  columns: {
    sites: number;
    expense: number;
    value: number;
    gap: number | null;
    proof: Certificate["proof"];
    unit: string;
    before: number;
    after: number;
    groups: Record<string, number>;
  }[];
  shared: string[];
  only: string[][];
  comparable: boolean;
}

export type Shipped = All<string>;

export const underWay = (plan: { state: PlanState }): boolean =>
  plan.state === "waiting" || plan.state === "working";

/** Whether places alone are chosen, so that a site can be dragged. */
export const isPlayable = (made: MadePlan | undefined): boolean =>
  made?.settings.objective === "coverage" || made?.settings.objective === "access";

/** The share of a plan's value that no better plan can add. */
export function gapOf({ value, bound }: { value: number; bound: number | null }): number | null {
  if (bound === null) return null;
  return Math.abs(bound - value) / Math.max(Math.abs(value), 1e-9);
}

/** A bound far off at the beginning would squash the line of values: what is drawn stays near the last ones. */
export function extent(steps: readonly Step[]): [low: number, high: number] {
  const values = steps.map(({ value }) => value);
  const last = steps.at(-1);
  if (!last) return [0, 1];
  const bound = last.bound ?? last.value;
  const low = Math.min(...values, bound);
  const high = Math.max(...values, bound);
  const room = (high - low) * 0.12 || Math.abs(high) * 0.01 || 1;
  return [low - room, high + room];
}

/** A circle of metres around a place, as a polygon in degrees. */
export function circle(lon: number, lat: number, metres: number, corners = 64): [number, number][] {
  const north = metres / 110_574;
  const east = metres / (111_320 * Math.cos((lat * Math.PI) / 180));
  return Array.from({ length: corners + 1 }, (_, k) => {
    const turn = (2 * Math.PI * k) / corners;
    return [lon + east * Math.cos(turn), lat + north * Math.sin(turn)];
  });
}

/** The amount of "2500000 EUR". */
export function amountOf(budget: string | undefined): number | undefined {
  const amount = Number.parseFloat(budget ?? "");
  return Number.isFinite(amount) ? amount : undefined;
}
