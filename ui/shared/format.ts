/** Figures as a reader of the spoken language writes them. Units come from the API: Wh, W, A, V, seconds, UTC. */
import { speech } from "./words/say.svelte";

const THIN = "\u202f"; // narrow no-break space between a figure and its unit

const formats = new Map<string, Intl.NumberFormat>();

function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = speech.locale + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) formats.set(key, (format = new Intl.NumberFormat(speech.locale, options)));
  return format;
}

export function number(value: number, digits = 0): string {
  return numberFormat({ maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
}

/** 0.873 -> "87 %". */
export function share(value: number, digits = 0): string {
  return numberFormat({
    style: "percent",
    maximumFractionDigits: digits,
    minimumFractionDigits: digits,
  }).format(value);
}

/** Three significant figures or so: 8, 12.4, 0.41, 1,240. */
function measure(value: number, unit: string): string {
  const size = Math.abs(value);
  const digits = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : 2;
  return `${number(value, digits)}${THIN}${unit}`;
}

function scaled(value: number, unit: string, steps: readonly string[]): string {
  let at = 0;
  while (Math.abs(value) >= 1000 && at < steps.length - 1) {
    value /= 1000;
    at++;
  }
  return measure(value, `${steps[at]}${unit}`);
}

/** Energy in Wh -> "12.4 kWh"; small ones stay kWh, large ones grow to MWh and GWh. */
export function energy(wattHours: number): string {
  return scaled(wattHours / 1000, "Wh", ["k", "M", "G"]);
}

/** Power in W -> "11.0 kW". */
export function power(watts: number): string {
  return scaled(watts / 1000, "W", ["k", "M", "G"]);
}

export function current(amperes: number): string {
  return measure(amperes, "A");
}

export function voltage(volts: number): string {
  return `${number(volts)}${THIN}V`;
}

/** An amount as the API sends it: a decimal string, never rounded by a float on the way. */
export function money(amount: string | number, currency: string): string {
  return numberFormat({ style: "currency", currency }).format(amount as Intl.StringNumericLiteral);
}

/** Seconds -> "42 s", "18 min", "3 h 05 min", "2 d 4 h". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}${THIN}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}${THIN}min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}${THIN}h ${String(minutes % 60).padStart(2, "0")}${THIN}min`;
  return `${Math.floor(hours / 24)}${THIN}d ${hours % 24}${THIN}h`;
}

/** ISO 8601, or milliseconds since 1970. */
export type Instant = string | number | Date;

/** A time of day and its date; `zone` is the site's, else the reader's own. */
export function moment(at: Instant, zone?: string): string {
  return clock(at, { dateStyle: "medium", timeStyle: "short" }, zone);
}

export function momentToTheSecond(at: Instant, zone?: string): string {
  return clock(at, { dateStyle: "medium", timeStyle: "medium" }, zone);
}

export function timeOfDay(at: Instant, zone?: string): string {
  return clock(at, { timeStyle: "short" }, zone);
}

export function day(at: Instant, zone?: string): string {
  return clock(at, { dateStyle: "medium" }, zone);
}

/** "November 2026", of a calendar day of that month (`2026-11-01`). */
export function month(day: string): string {
  return clock(`${day}T12:00:00Z`, { month: "long", year: "numeric" }, "UTC");
}

/** "Mon 4" for the axis of a drawing. */
export function shortDay(at: Instant, zone?: string): string {
  return clock(at, { weekday: "short", day: "numeric" }, zone);
}

function clock(at: Instant, options: Intl.DateTimeFormatOptions, zone?: string): string {
  const place = zone ? { ...options, timeZone: zone } : options;
  return new Intl.DateTimeFormat(speech.locale, place).format(new Date(at));
}

const AGES: readonly [limit: number, seconds: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60, 1, "second"],
  [3600, 60, "minute"],
  [86_400, 3600, "hour"],
  [30 * 86_400, 86_400, "day"],
  [365 * 86_400, 30 * 86_400, "month"],
  [Infinity, 365 * 86_400, "year"],
];

/** "3 minutes ago", "in 2 hours". */
export function ago(at: Instant, now: number = Date.now()): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  const [, size, unit] = AGES.find(([limit]) => Math.abs(seconds) < limit) ?? AGES[AGES.length - 1]!;
  const relative = new Intl.RelativeTimeFormat(speech.locale, { numeric: "auto", style: "short" });
  return relative.format(Math.round(seconds / size), unit);
}
