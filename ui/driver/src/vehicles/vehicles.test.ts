import { expect, test } from "vitest";

import { kilowattHoursBetween } from "./vehicles";

test("a battery of 80 kWh takes 48 kWh from 20 to 80 per cent", () => {
  expect(kilowattHoursBetween(80_000, 20, 80)).toBe(48);
});

test("a wish backwards asks for the least, not for less than nothing", () => {
  expect(kilowattHoursBetween(80_000, 80, 20)).toBe(1);
});
