import { expect, test } from "vitest";

import { operator } from "$shared/words/en";

import { COMMANDS, commandsFor, initialValues, paramsOf } from "./commands";

const command = (kind: string) => COMMANDS.find((one) => one.kind === kind)!;

test("every command and every field of one has its words", () => {
  const wanted = COMMANDS.flatMap(({ kind, group, fields }) => [
    `command.${kind}`,
    `command_why.${kind}`,
    `command_group.${group}`,
    ...fields.map(({ name }) => `field.${name}`),
  ]);
  expect(wanted.filter((key) => !(key in operator))).toEqual([]);
});

test("no command stands in the table twice", () => {
  expect(new Set(COMMANDS.map(({ kind }) => kind)).size).toBe(COMMANDS.length);
});

test("a 1.6 station is not asked what only 2.x knows", () => {
  const kinds = commandsFor("ocpp1.6").map(({ kind }) => kind);
  expect(kinds).toContain("reset");
  expect(kinds).not.toContain("set_display_message");
});

test("what was left empty is not sent, so that the API's defaults hold", () => {
  expect(paramsOf(command("reset"), initialValues(command("reset")))).toEqual({ immediate: false });
});

test("lists of numbers, JSON and moments are sent as the API takes them", () => {
  expect(paramsOf(command("clear_variable_monitoring"), { ids: "3, 4 5" })).toEqual({ ids: [3, 4, 5] });
  expect(paramsOf(command("raw"), { action: "Reset", payload: '{"type":"Soft"}' })).toEqual({ action: "Reset", payload: { type: "Soft" } }); // prettier-ignore
  expect(paramsOf(command("get_log"), { location: "https://x", oldest: "2026-05-04T12:00" })).toMatchObject({ oldest: new Date("2026-05-04T12:00").toISOString() }); // prettier-ignore
});

test("JSON that is none says so before anything is sent", () => {
  expect(() => paramsOf(command("raw"), { action: "Reset", payload: "{" })).toThrow(SyntaxError);
});
