/** The days figures are of, kept in the address. */
export const SPANS = ["7", "30", "90", "365"] as const;
export type Span = (typeof SPANS)[number];

export interface Days {
  since: string;
  until: string;
}

/** The last so many days, today among them. */
export function lastDays(count: number, today: Date = new Date()): Days {
  const end = new Date(today.getFullYear(), today.getMonth(), today.getDate() + 1);
  const begin = new Date(end.getFullYear(), end.getMonth(), end.getDate() - count);
  return { since: iso(begin), until: iso(end) };
}

/** YYYY-MM-DD on the reader's calendar. */
export function iso(day: Date): string {
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** A step that gives a drawing between a week's seven and about a hundred bars. */
export function stepOf(count: number): "hour" | "day" | "week" | "month" {
  if (count <= 3) return "hour";
  if (count <= 92) return "day";
  return count <= 400 ? "week" : "month";
}

/** "+12 %": how a figure changed; null where there is nothing to compare with. */
export function change(now: number, before: number): number | null {
  return before === 0 ? null : (now - before) / Math.abs(before);
}
