import { expect, test } from "vitest";

import { added } from "./decimals";

test("amounts are added exactly, whatever their places", () => {
  expect(added("0.1", "0.2")).toBe("0.3");
  expect(added("12.28", "2.33")).toBe("14.61");
  expect(added("1", "0.005")).toBe("1.005");
  expect(added("9007199254740993.01", "0.01")).toBe("9007199254740993.02");
});

test("what is given back is taken off", () => {
  expect(added("5.00", "-5.01")).toBe("-0.01");
  expect(added("-0.50", "0.50")).toBe("0.00");
});

test("nothing adds up to nothing", () => {
  expect(added("0")).toBe("0");
});
