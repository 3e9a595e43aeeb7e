import { expect, test } from "vitest";

import type { CircuitNow, EvseNow } from "$shared/api/model";

import { changed } from "./watching.svelte";

const evse = (evse_id: string, told: number): EvseNow => ({ evse_id, told }) as EvseNow;
const now = { circuits: [{ id: "c" } as CircuitNow], evses: [evse("a", 6), evse("b", 8)], sharing: 2 };

test("a plug that changed takes its own place, and nothing else moves", () => {
  const after = changed(now, { evses: [evse("a", 16)] });
  expect(after.evses.map(({ evse_id, told }) => [evse_id, told])).toEqual([
    ["a", 16],
    ["b", 8],
  ]);
  expect(after.circuits).toEqual(now.circuits);
});

test("a plug that is new comes last, one that is gone is gone", () => {
  const after = changed(now, { evses: [evse("d", 6)], evses_gone: ["a"], sharing: 3 });
  expect(after.evses.map(({ evse_id }) => evse_id)).toEqual(["b", "d"]);
  expect(after.sharing).toBe(3);
});
