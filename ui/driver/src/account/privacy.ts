/** One's archive, and what stands before one is forgotten. */
import { say } from "../words";

export type Archive =
  | { state: "none" }
  | { state: "making"; asked_at: string }
  /** `size` in bytes. */
  | { state: "ready"; size: number; expires_at: string };

export interface Forgetting {
  /** What has to be settled before. */
  obstacles: { code: string; sentence: string }[];
  /** What stays: a table of the database each, and why, in English. */
  kept: { what: string; why: string }[];
}

/** Tables of money, which the law keeps. */
const MONEY = new Set(
  "payments refunds bills documents ledger_entries wallet_movements money_tasks subscriptions home_agreements reimbursements".split(
    " ",
  ),
);

/** What stays in a person's words; what we have no words for is told as it came. */
export function keptGroups(kept: Forgetting["kept"]): { name: string; why: string }[] {
  const groups = new Map<string, string>();
  for (const { what, why } of kept) {
    if (MONEY.has(what)) groups.set(say("privacy.kept_money"), say("privacy.kept_money_why"));
    else if (what === "audit_entries") groups.set(say("privacy.kept_log"), say("privacy.kept_log_why"));
    else groups.set(what, why);
  }
  return [...groups].map(([name, why]) => ({ name, why }));
}

/** What is in the way in one's own language, and where it is settled. */
export function wayOut(code: string): { sentence: string; path?: string; label?: string } | null {
  switch (code) {
    case "money_left":
      return { sentence: say("obstacle.money_left"), path: "/wallet", label: say("account.wallet") };
    case "money_owed":
      return { sentence: say("obstacle.money_owed"), path: "/wallet", label: say("account.wallet") };
    case "money_under_way":
      return { sentence: say("obstacle.money_under_way") };
    case "last_owner":
      return { sentence: say("obstacle.last_owner") };
    case "charges_still":
      return { sentence: say("obstacle.charges_still"), path: "/activity", label: say("tab.activity") };
    case "place_kept":
      return { sentence: say("obstacle.place_kept"), path: "/", label: say("tab.find") };
    default:
      return null;
  }
}
