/** How a driver wants to charge. */
export const MODES = ["now", "ready_by", "cheapest", "greenest", "solar"] as const;
export type Mode = (typeof MODES)[number];

export interface Wish {
  mode: Mode;
  departs_at: string | null;
  /** Wh */
  energy: number | null;
}

/** The next time the clock shows `time` ("17:00"), as an instant; today or tomorrow. */
export function nextTime(time: string, now: Date): string | null {
  const match = /^(\d\d):(\d\d)$/.exec(time);
  if (!match) return null;
  const at = new Date(now);
  at.setHours(Number(match[1]), Number(match[2]), 0, 0);
  if (at.getTime() <= now.getTime()) at.setDate(at.getDate() + 1);
  return at.toISOString();
}

export const LIMITS = ["none", "energy", "cost", "time", "soc"] as const;
export type Limit = (typeof LIMITS)[number];
/** Where a charge is to end by itself, as the API counts: Wh, currency, seconds, percent. */
export type Limits = Partial<Record<`max_${Exclude<Limit, "none">}`, number>>;

/** From what a person writes to what the API counts in. */
const UNITS: Record<Exclude<Limit, "none">, number> = { energy: 1000, cost: 1, time: 60, soc: 1 };

export function limitsOf(limit: Limit, most: number | null): Limits {
  if (limit === "none" || most === null) return {};
  const counted = most * UNITS[limit];
  return { [`max_${limit}`]: limit === "cost" ? counted : Math.round(counted) };
}
