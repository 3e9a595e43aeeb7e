/** Bills, payments and books as the API tells them. */

export interface MoneyTask {
  id: string;
  kind: string;
  /** The session, payment or person it is about. */
  subject_id: string;
  sentence: string;
  opened_at: string;
  resolved_at: string | null;
  resolution: string | null;
}

export interface MoneyDocument {
  id: string;
  kind: "invoice" | "receipt" | "credit_note";
  number: string;
  session_id: string | null;
  issued_at: string;
  currency: string;
  gross: string;
}

export interface Payment {
  id: string;
  purpose: string;
  provider: string;
  state: string;
  session_id: string | null;
  currency: string;
  held: string;
  captured: string;
  refunded: string;
  created_at: string;
}

export interface Balance {
  account: string;
  currency: string;
  balance: string;
}

/** An exact amount of a currency. */
export interface Amount {
  amount: string;
  currency: string;
}
