import { describe, expect, it } from "vitest";

import type { Reading } from "$shared/api/model";
import { isReported, metered } from "./curve";

function reading(minute: number, energy: number | null, power: number | null = null): Reading {
  const at = new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();
  return { at, energy, power, power_offered: null, current: null, current_l1: null, current_l2: null, current_l3: null, voltage: null, soc: null, temperature: null }; // prettier-ignore
}

describe("the power of a session by its meter", () => {
  it("is the mean from each register to the next, and the last one's at the end", () => {
    expect(metered([reading(0, 1000), reading(15, 3500), reading(30, 4000)])).toEqual([10_000, 2000, 2000]);
  });

  it("passes over readings without a register", () => {
    expect(metered([reading(0, 0), reading(5, null), reading(30, 5500)])).toEqual([11_000, 11_000, 11_000]);
  });

  it("is never negative, and unknown where there is one register or two at one instant", () => {
    expect(metered([reading(0, 500), reading(15, 400)])).toEqual([0, 0]);
    expect(metered([reading(0, 500)])).toEqual([null]);
    expect(metered([reading(0, 500), reading(0, 600)])).toEqual([null, null]);
  });

  it("is drawn where too few powers were reported", () => {
    expect(isReported([reading(0, 0, 11_000), reading(15, 1, 11_000)])).toBe(false);
    expect(isReported([reading(0, 0, 11_000), reading(15, 1, 11_000), reading(30, 2, 0)])).toBe(true);
  });
});
