/** What a browser calls itself, as a person knows it: "Firefox, Android". */

const BROWSERS: readonly [sign: RegExp, name: string][] = [
  [/\bEdg/, "Edge"],
  [/\bOPR\//, "Opera"],
  [/SamsungBrowser/, "Samsung Internet"],
  [/Firefox|FxiOS/, "Firefox"],
  [/Chrome|CriOS|Chromium/, "Chrome"],
  [/Safari/, "Safari"],
];
const SYSTEMS: readonly [sign: RegExp, name: string][] = [
  [/iPhone/, "iPhone"],
  [/iPad/, "iPad"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

/** Empty where it says nothing that we know. */
export function deviceOf(userAgent: string): string {
  const known = [BROWSERS, SYSTEMS].map((signs) => signs.find(([sign]) => sign.test(userAgent))?.[1]);
  return known.filter(Boolean).join(", ");
}
