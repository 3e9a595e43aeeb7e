import type { Component } from "svelte";

/** Something the palette can do: go to a page, open a station, change the theme. */
export interface Command {
  id: string;
  group: string;
  title: string;
  note?: string;
  icon?: Component<{ size?: number | string }>;
  run: () => void;
}
