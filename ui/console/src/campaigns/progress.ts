/** How far a campaign is, and how its states look. */
import type { CampaignState, TargetState } from "$shared/api/campaigns";
import { number } from "$shared/format";
import type { Tone } from "$shared/states";

export const CAMPAIGN_TONES: Record<CampaignState, Tone> = {
  running: "charging",
  paused: "waiting",
  done: "free",
  aborted: "fault",
};

export const TARGET_TONES: Record<TargetState, Tone> = {
  done: "free",
  installed: "charging",
  asked: "waiting",
  failed: "fault",
  waiting: "off",
};

/** "12 / 300": of all stations, those that ended. */
export function progress(counts: Partial<Record<TargetState, number>> = {}): string {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return `${number((counts.done ?? 0) + (counts.failed ?? 0))} / ${number(all)}`;
}
