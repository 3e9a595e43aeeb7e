/** Who is owed a share of what: contracts with site hosts, agreements with employers, and what each month owed them. */
import type { Amount } from "$shared/api/money";

interface Contract<Content> {
  id: string;
  site_id: string;
  content: Content;
  /** First day of a month. */
  since: string;
  /** First day of the month it no longer holds in. */
  until: string | null;
}

export type HostContract = Contract<{
  host_id: string;
  host: string;
  percent: string;
  per_kilowatt_hour: Amount;
  monthly_minimum: Amount;
}>;

export type HomeAgreement = Contract<{
  employer_id: string;
  employer: string;
  employee_id: string;
  per_kilowatt_hour: Amount;
  at_most: Amount | null;
}>;

export interface Payout {
  id: string;
  contract_id: string;
  month: string;
  sessions: number;
  /** Wh */
  energy: number;
  currency: string;
  revenue: string;
  electricity: string;
  share: string;
  topped_up: string;
  total: string;
}

export interface Reimbursement {
  id: string;
  agreement_id: string;
  employee_id: string;
  month: string;
  /** Wh */
  energy: number;
  currency: string;
  total: string;
  /** What the monthly limit took off. */
  cut: string;
}

/** Accounts of hosts or employers by their names, from the contracts there were. */
export function accountsByName(named: readonly { id: string; name: string }[]): Map<string, string> {
  return new Map(named.filter(({ name }) => name).map(({ id, name }) => [name, id]));
}

/** The first day of the month after that of `day`: when a contract ends at the earliest without touching this month. */
export function followingMonth(day: Date): string {
  return monthBegin(new Date(day.getFullYear(), day.getMonth() + 1, 1));
}

export function monthBegin(day: Date): string {
  return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, "0")}-01`;
}
