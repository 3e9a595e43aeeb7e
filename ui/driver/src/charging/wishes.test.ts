import { expect, test } from "vitest";

import { nextTime } from "./wishes";

const noon = new Date(2026, 4, 4, 12, 0);

test("a time that is still to come is today, one that has passed is tomorrow", () => {
  expect(nextTime("17:00", noon)).toBe(new Date(2026, 4, 4, 17, 0).toISOString());
  expect(nextTime("07:30", noon)).toBe(new Date(2026, 4, 5, 7, 30).toISOString());
});

test("what is no time is none", () => {
  expect(nextTime("", noon)).toBeNull();
});
