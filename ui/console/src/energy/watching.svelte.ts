/** What holds at a site's circuits and plugs, as it changes: one snapshot, then only differences. */
import { address } from "$shared/api/client";
import type { CircuitNow, EvseNow, PowerNow } from "$shared/api/model";

/** What changed since the last word; `_gone` are ids. */
export interface PowerDifference {
  circuits?: CircuitNow[];
  evses?: EvseNow[];
  circuits_gone?: string[];
  evses_gone?: string[];
  sharing?: number;
}

/** The picture after a difference; those that stay keep their places. */
export function changed(now: PowerNow, word: PowerDifference): PowerNow {
  return {
    circuits: merged(now.circuits, word.circuits, word.circuits_gone, ({ id }) => id),
    evses: merged(now.evses, word.evses, word.evses_gone, ({ evse_id }) => evse_id),
    sharing: word.sharing ?? now.sharing,
  };
}

function merged<Thing>(
  all: readonly Thing[],
  fresh: readonly Thing[] = [],
  gone: readonly string[] = [],
  key: (thing: Thing) => string,
): Thing[] {
  const news = new Map(fresh.map((one) => [key(one), one]));
  const kept = all.filter((one) => !gone.includes(key(one))).map((one) => news.get(key(one)) ?? one);
  const known = new Set(all.map(key));
  return [...kept, ...fresh.filter((one) => !known.has(key(one)))];
}

/** Watches a site while the page is there; `now` is null until the first word. The browser opens a lost stream again. */
export class Watching {
  now = $state.raw<PowerNow | null>(null);
  /** When the last word came. */
  heard = $state<string | null>(null);

  /** Opens the stream; the returned function closes it. */
  open(site: string): () => void {
    const heard = (): string => (this.heard = new Date().toISOString());
    const stream = new EventSource(address(`/sites/${site}/energy/live`));
    stream.addEventListener("snapshot", ({ data }: MessageEvent<string>) => {
      this.now = { circuits: [], evses: [], sharing: 0, ...(JSON.parse(data) as Partial<PowerNow>) };
      heard();
    });
    stream.addEventListener("diff", ({ data }: MessageEvent<string>) => {
      if (this.now) this.now = changed(this.now, JSON.parse(data) as PowerDifference);
      heard();
    });
    return () => stream.close();
  }
}
