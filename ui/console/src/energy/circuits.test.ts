import { expect, test } from "vitest";

import type { Circuit, CircuitNow, SiteEnergy } from "$shared/api/model";

import { branches, fullest } from "./circuits";

const circuit = (id: string, parent_id: string | null): Circuit => ({ id, parent_id, name: id }) as Circuit;

test("every circuit follows the one that feeds it", () => {
  const site = { circuits: [circuit("b", "a"), circuit("c", "b"), circuit("a", null)], now: null };
  const drawn = branches(site as unknown as SiteEnergy);
  expect(drawn.map((one) => [one.circuit.id, one.depth])).toEqual([["a", 0], ["b", 1], ["c", 2]]); // prettier-ignore
});

test("the fullest phase counts, and phases without a limit do not", () => {
  expect(fullest({ drawn: [5, 8, 2], limit: [10, 10, null] } as unknown as CircuitNow)).toBe(0.8);
  expect(fullest({ drawn: [5, 8, 2], limit: [null, null, null] } as unknown as CircuitNow)).toBeNull();
});
