/** Waits in words. */
import type { WaitForecast } from "$shared/api/waiting";

import { say } from "../words";

/** Minutes as people say them: exact while short, in fives and quarters when long. */
export function minutes(value: number): number {
  const step = value < 10 ? 1 : value < 60 ? 5 : 15;
  return Math.round(value / step) * step;
}

export function waitSentence(wait: WaitForecast): string {
  if (wait.middle < 1) return say("wait.soon");
  return say("wait.about", { minutes: minutes(wait.middle) });
}

export function rangeSentence(wait: { low: number; high: number }): string {
  return say("wait.range", { low: minutes(wait.low), high: Math.max(minutes(wait.high), 1) });
}

export function aheadSentence(count: number): string {
  return count === 0 ? say("queue.first") : say("queue.ahead", { count });
}
