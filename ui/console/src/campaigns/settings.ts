/** Settings as lines: `HeartbeatInterval = 300`, or with a component `OCPPCommCtrlr.HeartbeatInterval = 300`. */
import type { Setting } from "$shared/api/campaigns";

export function settingsOf(text: string): { settings: Setting[]; bad: string | null } {
  const settings: Setting[] = [];
  for (const line of text.split("\n").map((one) => one.trim())) {
    if (line === "") continue;
    const at = line.indexOf("=");
    const place = line.slice(0, at).trim();
    const value = line.slice(at + 1).trim();
    const [variable, ...component] = place.split(".").reverse();
    if (at < 1 || !variable || component.length > 1) return { settings, bad: line };
    settings.push({ component: component[0] ?? "", variable, value });
  }
  return { settings, bad: null };
}
