/** The last minutes of the network's power, kept while the page is open. */
import { untrack } from "svelte";

import type { Live } from "$shared/api/live.svelte";
import type { LiveStation, LiveTotals } from "$shared/api/model";

const KEPT = 120;

export class PowerTrail {
  values = $state.raw<number[]>([]);
  #last = 0;

  constructor(live: Live<LiveStation, LiveTotals>, every = 2000) {
    $effect(() => {
      void live.version;
      const power = live.totals?.power;
      if (power === undefined || live.heard - this.#last < every) return;
      this.#last = live.heard;
      this.values = [...untrack(() => this.values), power].slice(-KEPT);
    });
  }
}
