import { describe, expect, it } from "vitest";

import { inside, lattice, tablesOf, type Corner } from "./drawing";

const SQUARE: Corner[] = [[13, 52], [13.1, 52], [13.1, 52.1], [13, 52.1]]; // prettier-ignore

describe("drawing", () => {
  it("knows what is inside an area", () => {
    expect(inside([13.05, 52.05], SQUARE)).toBe(true);
    expect(inside([13.2, 52.05], SQUARE)).toBe(false);
  });

  it("cuts an area into points that all lie in it, and a sliver into one", () => {
    const points = lattice(SQUARE, 100);
    expect(points.length).toBeGreaterThan(80);
    expect(points.every((point) => inside(point, SQUARE))).toBe(true);
    expect(lattice([[13, 52], [13, 52], [13, 52]])).toHaveLength(1); // prettier-ignore
  });

  it("spreads the people of an area evenly and loses none", () => {
    const areas = [{ kind: "demand" as const, corners: SQUARE, people: 3000 }];
    const { demand, candidates, exclusions } = tablesOf({ areas, sites: [[13.05, 52.05]] });
    const weights = demand!.text.split("\n").slice(1).map((line) => Number(line.split(",")[3])); // prettier-ignore
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(3000);
    expect(candidates!.text).toBe("id,lon,lat\nsite1,13.050000,52.050000");
    expect(exclusions).toBeUndefined();
  });

  it("closes the ring of a zone", () => {
    const { exclusions } = tablesOf({ areas: [{ kind: "zone", corners: SQUARE, people: 0 }], sites: [] });
    const ring = JSON.parse(exclusions!.text).features[0].geometry.coordinates[0];
    expect(ring).toHaveLength(5);
    expect(ring[0]).toEqual(ring[4]);
  });
});
