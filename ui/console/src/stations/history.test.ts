import { expect, test } from "vitest";

import { bands, type Interval } from "./history";

const at = (minute: number): string => new Date(minute * 60_000).toISOString();
const interval = (state: Interval["state"], since: number, until: number | null, evse = 1): Interval => ({
  evse,
  state,
  since: at(since),
  until: until === null ? null : at(until),
  cause: null,
});

test("an interval that began before the span is shown from its begin, one that lasts to its end", () => {
  const [band] = bands([interval("available", -50, 25), interval("faulted", 25, null)], 0, 100 * 60_000);
  expect(band?.parts).toEqual([
    { state: "available", from: 0, width: 0.25 },
    { state: "faulted", from: 0.25, width: 0.75 },
  ]);
});

test("time of which nothing is known counts neither as usable nor against it", () => {
  const [band] = bands([interval("available", 50, 75), interval("offline", 75, 100)], 0, 100 * 60_000);
  expect(band?.usable).toBe(0.5);
});

test("EVSEs are told in the order of their numbers", () => {
  const told = bands([interval("available", 0, 9, 2), interval("available", 0, 9, 1)], 0, 100 * 60_000);
  expect(told.map(({ evse }) => evse)).toEqual([1, 2]);
});
