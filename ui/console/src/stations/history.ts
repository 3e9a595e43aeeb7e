/** The availability ledger as bands: which part of a span an EVSE was in which state. */
import type { EvseState } from "$shared/api/model";

import { say, sayOf } from "../words";

export interface Interval {
  evse: number;
  since: string;
  until: string | null;
  state: EvseState;
  cause: string | null;
}

interface Part {
  state: EvseState;
  /** As parts of the span. */
  from: number;
  width: number;
}

export interface Band {
  evse: number;
  parts: Part[];
  /** Which part of what is known of the span a driver could have used it, or did. */
  usable: number;
}

const USABLE: ReadonlySet<EvseState> = new Set<EvseState>(["available", "occupied", "reserved"]);

/** `since` and `until` in milliseconds; an interval that lasts still ends with the span. */
export function bands(intervals: readonly Interval[], since: number, until: number): Band[] {
  const span = until - since;
  const byEvse = new Map<number, Part[]>();
  for (const interval of intervals) {
    const from = Math.max(Date.parse(interval.since), since);
    const to = Math.min(interval.until ? Date.parse(interval.until) : until, until);
    if (to <= from) continue;
    const parts = byEvse.get(interval.evse) ?? [];
    parts.push({ state: interval.state, from: (from - since) / span, width: (to - from) / span });
    byEvse.set(interval.evse, parts);
  }
  return [...byEvse]
    .sort(([a], [b]) => a - b)
    .map(([evse, parts]) => ({ evse, parts, usable: usable(parts) }));
}

function usable(parts: readonly Part[]): number {
  const sum = (some: readonly Part[]): number => some.reduce((all, { width }) => all + width, 0);
  return sum(parts.filter(({ state }) => USABLE.has(state))) / sum(parts);
}

const CLOSED = /^link closed (\d+)$/;

/** The ledger's cause in words; what a station calls its own error is shown as it came. */
export function causeOf({ cause }: Pick<Interval, "cause">): string {
  if (cause === null) return "";
  const closed = CLOSED.exec(cause);
  if (closed) return say("history.link_closed", { code: closed[1]! });
  return cause === "connected" ? say("history.connected") : sayOf("connector_status", cause);
}
