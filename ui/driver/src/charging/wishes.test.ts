import { expect, test } from "vitest";

import { limitsOf, nextTime } from "./wishes";

const noon = new Date(2026, 4, 4, 12, 0);

test("a time that is still to come is today, one that has passed is tomorrow", () => {
  expect(nextTime("17:00", noon)).toBe(new Date(2026, 4, 4, 17, 0).toISOString());
  expect(nextTime("07:30", noon)).toBe(new Date(2026, 4, 5, 7, 30).toISOString());
});

test("what is no time is none", () => {
  expect(nextTime("", noon)).toBeNull();
});

test("a limit is counted as the API counts", () => {
  expect(limitsOf("energy", 12.5)).toEqual({ max_energy: 12_500 });
  expect(limitsOf("cost", 7.5)).toEqual({ max_cost: 7.5 });
  expect(limitsOf("time", 45)).toEqual({ max_time: 2700 });
  expect(limitsOf("soc", 80)).toEqual({ max_soc: 80 });
  expect(limitsOf("none", 80)).toEqual({});
  expect(limitsOf("energy", null)).toEqual({});
});
