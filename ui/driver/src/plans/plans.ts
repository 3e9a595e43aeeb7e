/** Plans: what a month costs, and what charging costs less for it. */
import type { Amount } from "$shared/api/money";

export interface Plan {
  name: string;
  monthly_fee: Amount;
  /** Per cent inside the fee. */
  vat: string | null;
  /** Per cent off the energy. */
  energy_discount: string;
  /** Wh a month. */
  included: number;
}

export interface OfferedPlan {
  id: string;
  plan: Plan;
}

/** The plan one has, its first day and the day it ends (exclusive), if it does. */
export type OwnPlan = { plan: null } | { plan: Plan; plan_id: string; since: string; until: string | null };
