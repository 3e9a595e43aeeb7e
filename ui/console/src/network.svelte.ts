/** The network as it is right now; one stream for the whole console. */
import { Live } from "$shared/api/live.svelte";
import type { LiveStation, LiveTotals } from "$shared/api/model";

export const network = new Live<LiveStation, LiveTotals>("/live");
