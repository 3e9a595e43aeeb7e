/** What a table is told about its columns, and what a reader may keep of its look. */
import type { Snippet } from "svelte";

export interface Column<Row> {
  key: string;
  title: string;
  /** What the cell says in plain text: for export, for screens that show no snippet, and for sorting by text. */
  text: (row: Row) => string;
  /** What the column sorts by; without it the text. */
  value?: (row: Row) => number | string | null | undefined;
  cell?: Snippet<[Row]>;
  align?: "end";
  /** Not shown until chosen. */
  hidden?: boolean;
}

export interface Sorting {
  key: string;
  down: boolean;
}

/** A view a reader saved: which columns, in which order of rows, with which filters in the address. */
export interface View {
  name: string;
  columns: string[];
  sorting: Sorting | null;
  search: string;
}

export function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  by: Sorting | null,
): readonly Row[] {
  const column = by && columns.find(({ key }) => key === by.key);
  if (!column) return rows;
  const value = column.value ?? column.text;
  const turn = by.down ? -1 : 1;
  return [...rows].sort((a, b) => turn * compared(value(a), value(b)));
}

type Comparable = number | string | null | undefined;

function compared(a: Comparable, b: Comparable): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

/** The rows as CSV (RFC 4180); a cell that a spreadsheet would take for a formula is made text. */
export function csv<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ text }) => text(row))),
  ];
  return lines.map((line) => line.map(quoted).join(",")).join("\r\n");
}

function quoted(cell: string): string {
  const harmless = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** Views and columns are kept in this browser, by the table's name. */
export class Kept {
  constructor(readonly table: string) {}

  columns(): string[] | null {
    return this.#read<string[]>("columns");
  }

  keepColumns(columns: readonly string[]): void {
    localStorage.setItem(this.#key("columns"), JSON.stringify(columns));
  }

  views(): View[] {
    return this.#read<View[]>("views") ?? [];
  }

  keepViews(views: readonly View[]): void {
    localStorage.setItem(this.#key("views"), JSON.stringify(views));
  }

  #key(what: string): string {
    return `gridlane.table.${this.table}.${what}`;
  }

  #read<T>(what: string): T | null {
    try {
      return JSON.parse(localStorage.getItem(this.#key(what)) ?? "null") as T | null;
    } catch {
      return null;
    }
  }
}
