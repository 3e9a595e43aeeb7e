/** The circuits of a site as a tree to draw, with what holds at each now. */
import type { Circuit, CircuitNow, EvseNow, SiteEnergy } from "$shared/api/model";

export interface Branch {
  circuit: Circuit;
  now: CircuitNow | undefined;
  depth: number;
  evses: EvseNow[];
}

/** Every circuit from the grid connection down, each followed by what it feeds. */
export function branches({ circuits, now }: SiteEnergy): Branch[] {
  const below = new Map<string | null, Circuit[]>();
  for (const circuit of circuits) {
    const siblings = below.get(circuit.parent_id) ?? [];
    siblings.push(circuit);
    below.set(circuit.parent_id, siblings);
  }
  const seen = new Map(now?.circuits.map((one) => [one.id, one]));
  const found: Branch[] = [];
  const visit = (circuit: Circuit, depth: number): void => {
    const evses = now?.evses.filter((one) => one.circuit === circuit.id) ?? [];
    found.push({ circuit, now: seen.get(circuit.id), depth, evses });
    for (const each of below.get(circuit.id) ?? []) visit(each, depth + 1);
  };
  for (const root of below.get(null) ?? []) visit(root, 0);
  return found;
}

/** The fullest phase of a circuit as a share of its limit; null where it is limited in watts only. */
export function fullest(now: CircuitNow | undefined): number | null {
  const shares = (now?.drawn ?? []).flatMap((drawn, phase) => {
    const limit = now?.limit[phase];
    return limit ? [drawn / limit] : [];
  });
  return shares.length ? Math.max(...shares) : null;
}

/** What the fullest phase may use now: the rating less its reserve, or less by the hour or the grid's word. */
export function limitNow(now: CircuitNow | undefined): number | null {
  const limits = (now?.limit ?? []).flatMap((limit) => limit ?? []);
  return limits.length ? Math.min(...limits) : null;
}
