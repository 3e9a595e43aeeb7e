/** The live network as places on the map. */
import { untrack } from "svelte";

import type { Live } from "$shared/api/live.svelte";
import type { LiveStation, LiveTotals } from "$shared/api/model";
import { power } from "$shared/format";
import type { PinTone } from "$shared/map/pins";
import type { Place } from "$shared/map/StationMap.svelte";
import { STATION_TONES } from "$shared/states";
import { speech } from "$shared/words/say.svelte";

import { sayOf } from "../words";

export class StationPlaces {
  readonly all = new Map<string, Place>();
  touched: ReadonlySet<string> | null = null;
  version = $state(0);

  constructor(live: Live<LiveStation, LiveTotals>) {
    $effect(() => {
      void live.version;
      const spoken = speech.language;
      untrack(() => this.#follow(live, spoken));
    });
  }

  #spoken = "";

  #follow(live: Live<LiveStation, LiveTotals>, spoken: string): void {
    const first = this.all.size === 0 || spoken !== this.#spoken;
    this.#spoken = spoken;
    const ids = first || live.touched === null ? live.things.keys() : live.touched;
    if (live.touched === null) this.all.clear();
    for (const id of ids) {
      const place = placeOf(id, live.things.get(id));
      if (place) this.all.set(id, place);
      else this.all.delete(id);
    }
    this.touched = first ? null : live.touched;
    this.version++;
  }
}

function placeOf(id: string, station: LiveStation | undefined): Place | null {
  if (station?.latitude == null || station.longitude == null) return null;
  const state = sayOf("station_state", station.state);
  return {
    id,
    name: station.name,
    note: station.power > 0 ? `${state} · ${power(station.power)}` : state,
    longitude: station.longitude,
    latitude: station.latitude,
    tone: STATION_TONES[station.state] as PinTone,
  };
}
