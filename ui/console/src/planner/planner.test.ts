import { describe, expect, it } from "vitest";

import { amountOf, circle, extent, gapOf } from "./planner";

describe("planner", () => {
  it("measures a gap on the plan's own value, and none without a bound", () => {
    expect(gapOf({ value: 200, bound: 201 })).toBeCloseTo(0.005);
    expect(gapOf({ value: 200, bound: null })).toBeNull();
  });

  it("keeps the drawn range near the values however far the first bound was", () => {
    const [low, high] = extent([
      { stage: "a", value: 90, bound: 100_000, seconds: 0 },
      { stage: "b", value: 100, bound: 104, seconds: 1 },
    ]);
    expect(low).toBeLessThan(90);
    expect(high).toBeLessThan(110);
  });

  it("draws a circle that is as wide as it is high on the ground", () => {
    const ring = circle(13.4, 52.5, 500);
    const wide = Math.max(...ring.map(([lon]) => lon)) - 13.4;
    expect(wide * 111_320 * Math.cos((52.5 * Math.PI) / 180)).toBeCloseTo(500, 3);
    expect(ring[0]).toEqual(ring.at(-1)?.map((part, k) => (k === 1 ? expect.closeTo(part, 9) : part)));
  });

  it("reads the amount of a budget", () => {
    expect(amountOf("2500000 EUR")).toBe(2_500_000);
    expect(amountOf(undefined)).toBeUndefined();
  });
});
