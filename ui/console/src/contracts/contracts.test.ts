import { expect, test } from "vitest";

import { accountsByName, followingMonth, monthBegin } from "./contracts";

test("a contract ends with a month, over the turn of the year too", () => {
  expect(monthBegin(new Date(2026, 10, 24))).toBe("2026-11-01");
  expect(followingMonth(new Date(2026, 11, 31))).toBe("2027-01-01");
});

test("a host of the same name keeps its account, one without a name has none to keep", () => {
  const accounts = accountsByName([
    { id: "h1", name: "Markt GmbH" },
    { id: "h2", name: "" },
  ]);
  expect([...accounts]).toEqual([["Markt GmbH", "h1"]]);
});
