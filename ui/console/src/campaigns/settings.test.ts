import { expect, test } from "vitest";

import { settingsOf } from "./settings";

test("a line is a variable and its value, with a component or without", () => {
  expect(settingsOf("HeartbeatInterval = 300\n\nTxCtrlr.EVConnectionTimeOut=60").settings).toEqual([
    { component: "", variable: "HeartbeatInterval", value: "300" },
    { component: "TxCtrlr", variable: "EVConnectionTimeOut", value: "60" },
  ]);
});

test("a value may hold an equals sign and may be empty", () => {
  expect(settingsOf("A = b=c\nB =").settings.map(({ value }) => value)).toEqual(["b=c", ""]);
});

test.each(["HeartbeatInterval", "= 3", "A.B.C = 1"])("a line that is none is shown: %s", (line) => {
  expect(settingsOf(line).bad).toBe(line);
});
