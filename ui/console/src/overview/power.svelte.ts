/** The last minutes of the network's power, kept while the page is open. */
import { untrack } from "svelte";

import type { network as Network } from "../network.svelte";

const KEPT = 120;
const EVERY = 2000; // milliseconds

export class PowerTrail {
  values = $state.raw<number[]>([]);
  #last = 0;

  constructor(network: typeof Network) {
    $effect(() => {
      const { totals } = network;
      untrack(() => {
        if (!totals || network.live.heard - this.#last < EVERY) return;
        this.#last = network.live.heard;
        this.values = [...this.values, totals.power].slice(-KEPT);
      });
    });
  }
}
