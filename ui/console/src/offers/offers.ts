/** What makes charging cheaper: plans, promotion codes, vouchers. */
import type { Amount } from "$shared/api/money";

export interface Plan {
  id: string;
  plan: { name: string; monthly_fee: Amount; vat: string | null; energy_discount: string; included: number };
}

export interface Promotion {
  id: string;
  promotion: {
    code: string;
    kind: "percent" | "amount";
    value: string;
    valid_from: string;
    valid_until: string | null;
    uses: number | null;
    uses_per_person: number | null;
    /** The most it takes off, of a code in per cent. */
    at_most: string | null;
  };
}

export type PromotionState = "to_come" | "running" | "over";

export function stateOf({ promotion }: Promotion, now: Date): PromotionState {
  if (promotion.valid_until !== null && new Date(promotion.valid_until) <= now) return "over";
  return new Date(promotion.valid_from) > now ? "to_come" : "running";
}

/** The end of a calendar day here, as the API wants it; null for none. */
export function endOfDay(day: string): string | null {
  return day ? new Date(`${day}T23:59:59`).toISOString() : null;
}
