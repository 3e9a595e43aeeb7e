import { expect, test } from "vitest";

import { csv, sorted, type Column } from "./table";

interface Row {
  name: string;
  energy: number | null;
}
const columns: Column<Row>[] = [
  { key: "name", title: "Name", text: ({ name }) => name },
  {
    key: "energy",
    title: "Energy",
    text: ({ energy }) => String(energy ?? ""),
    value: ({ energy }) => energy,
  },
];
const rows: Row[] = [
  { name: "Bay 10", energy: 9 },
  { name: "Bay 9", energy: 10 },
  { name: "bay 1", energy: null },
];
const names = (list: readonly Row[]): string[] => list.map(({ name }) => name);

test("text is sorted as people count: bay 9 before bay 10", () => {
  expect(names(sorted(rows, columns, { key: "name", down: false }))).toEqual(["bay 1", "Bay 9", "Bay 10"]);
});

test("figures are sorted by their value, and what has none comes first", () => {
  expect(names(sorted(rows, columns, { key: "energy", down: false }))).toEqual(["bay 1", "Bay 10", "Bay 9"]);
  expect(names(sorted(rows, columns, { key: "energy", down: true }))).toEqual(["Bay 9", "Bay 10", "bay 1"]);
});

test("without an order the rows stay as they came", () => {
  expect(sorted(rows, columns, null)).toBe(rows);
});

test("a cell with commas, quotes or line breaks survives the file", () => {
  expect(csv([{ name: 'a,"b"\nc', energy: 1 }], columns)).toBe('Name,Energy\r\n"a,""b""\nc",1');
});

test("a cell that a spreadsheet would run as a formula becomes text", () => {
  expect(csv([{ name: "=HYPERLINK(1)", energy: 1 }], columns)).toBe("Name,Energy\r\n'=HYPERLINK(1),1");
});
