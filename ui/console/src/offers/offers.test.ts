import { expect, test } from "vitest";

import { stateOf, type Promotion } from "./offers";

const NOW = new Date("2026-11-24T12:00:00Z");

function code(valid_from: string, valid_until: string | null): Promotion {
  const rest = {
    code: "MAY",
    kind: "percent",
    value: "10",
    uses: null,
    uses_per_person: 1,
    at_most: null,
  } as const;
  return { id: "1", promotion: { ...rest, valid_from, valid_until } };
}

test("a code is to come, runs, and is over from its end on", () => {
  expect(stateOf(code("2026-12-01T00:00:00Z", null), NOW)).toBe("to_come");
  expect(stateOf(code("2026-01-01T00:00:00Z", null), NOW)).toBe("running");
  expect(stateOf(code("2026-01-01T00:00:00Z", "2026-11-24T12:00:00Z"), NOW)).toBe("over");
});
