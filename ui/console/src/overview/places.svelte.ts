/** The live network as places on the map. */
import { untrack } from "svelte";

import type { Live } from "$shared/api/live.svelte";
import type { LiveStation } from "$shared/api/model";
import { power } from "$shared/format";
import type { PinTone } from "$shared/map/pins";
import type { Place } from "$shared/map/StationMap.svelte";
import { STATION_TONES, stationState } from "$shared/states";
import { speech } from "$shared/words/say.svelte";

import { sayOf } from "../words";

export class StationPlaces {
  readonly all = new Map<string, Place>();
  touched: ReadonlySet<string> | null = null;
  version = $state(0);
  #spoken = "";
  /** Each station's place among those of its site, so that they do not stand on one another. */
  #seats = new Map<string, number>();
  #taken = new Map<string, number>();

  constructor(live: Live<LiveStation>) {
    $effect(() => {
      void live.version;
      const spoken = speech.language;
      untrack(() => this.#follow(live, spoken));
    });
  }

  #follow(live: Live<LiveStation>, spoken: string): void {
    const whole = live.touched === null || this.all.size === 0 || spoken !== this.#spoken;
    this.#spoken = spoken;
    if (whole) this.all.clear();
    const drawn = new Set<string>();
    for (const id of whole ? live.things.keys() : live.touched!) {
      const before = this.all.get(id);
      const place = this.#place(id, live.things.get(id));
      if (place) this.all.set(id, place);
      else this.all.delete(id);
      if (!looksAlike(before, place)) drawn.add(id);
    }
    if (!whole && drawn.size === 0) return; // only what a pin says when it is pointed at
    this.touched = whole ? null : drawn;
    this.version++;
  }

  #place(id: string, station: LiveStation | undefined): Place | null {
    if (station?.latitude == null || station.longitude == null) return null;
    const state = stationState(station);
    const watts = station.sessions.reduce((sum, { power }) => sum + (power ?? 0), 0);
    const word = sayOf("station_state", state);
    const [east, north] = beside(this.#seat(id, station.site_id), station.latitude);
    return {
      id,
      name: station.name,
      note: watts > 0 ? `${word} · ${power(watts)}` : word,
      longitude: station.longitude + east,
      latitude: station.latitude + north,
      tone: STATION_TONES[state] as PinTone,
    };
  }

  #seat(id: string, site: string | null): number {
    const seated = this.#seats.get(id);
    if (seated !== undefined || site === null) return seated ?? 0;
    const seat = this.#taken.get(site) ?? 0;
    this.#taken.set(site, seat + 1);
    this.#seats.set(id, seat);
    return seat;
  }
}

/** Whether the map would draw the same pin. */
function looksAlike(before: Place | undefined, after: Place | null): boolean {
  if (!before || !after) return !before && !after;
  return (
    before.tone === after.tone && before.longitude === after.longitude && before.latitude === after.latitude
  );
}

const METRES_PER_DEGREE = 111_320;
const APART = 14; // metres
const GOLDEN = Math.PI * (3 - Math.sqrt(5));

/** Degrees east and north of a site's point for its n-th station: a sunflower about the first. */
function beside(seat: number, latitude: number): [east: number, north: number] {
  const far = (APART * Math.sqrt(seat)) / METRES_PER_DEGREE;
  return [
    (far * Math.cos(seat * GOLDEN)) / Math.cos((latitude * Math.PI) / 180),
    far * Math.sin(seat * GOLDEN),
  ];
}
