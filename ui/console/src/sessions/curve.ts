import type { Reading } from "$shared/api/model";

/** Fewer reported powers than this draw no curve. */
const FEWEST = 3;
const HOUR = 3_600_000;

/** Mean power in W from each reading to the next by the meter's registers, for stations that report little or no power. */
export function metered(readings: readonly Reading[]): (number | null)[] {
  const registers = readings.flatMap(({ at, energy }, index) =>
    energy === null ? [] : [{ index, at: Date.parse(at), energy }],
  );
  const powers = readings.map((): number | null => null);
  for (const [place, from] of registers.entries()) {
    const until = registers[place + 1];
    if (!until || until.at <= from.at) continue;
    const mean = (Math.max(0, until.energy - from.energy) * HOUR) / (until.at - from.at);
    powers.fill(mean, from.index, until.index + 1);
  }
  return powers;
}

/** Whether the reported powers make a curve. */
export function isReported(readings: readonly Reading[]): boolean {
  return readings.filter(({ power }) => power !== null).length >= FEWEST;
}
