/** The places a driver sees: read from the API, read again while the page is open, filtered here. */
import { api } from "$shared/api/client";
import type { Place, Price, PriceAhead } from "$shared/api/driver";
import type { WaitForecast } from "$shared/api/waiting";
import type { All } from "$shared/api/model";
import { asProblem, type Problem } from "$shared/api/problem";
import { money } from "$shared/format";
import type { PinTone } from "$shared/map/pins";
import { now } from "$shared/parts/clock.svelte";

import { say } from "../words";
import { favourites } from "./favourites.svelte";

export interface Filters {
  free: boolean;
  accessible: boolean;
  /** Open day and night. */
  always: boolean;
  favourites: boolean;
  /** OCPI ConnectorType. */
  connector: string | null;
  /** W, at least. */
  power: number;
  /** Per kWh, at most. */
  price: number | null;
  /** All of them. */
  amenities: string[];
}

export function unfiltered(): Filters {
  return {
    free: false,
    accessible: false,
    always: false,
    favourites: false,
    connector: null,
    power: 0,
    price: null,
    amenities: [],
  };
}

export const FAST = 50_000; // W: more than any AC plug
export const POWERS = [11_000, 22_000, FAST, 100_000, 150_000, 300_000] as const;
const ALWAYS = "24/7";
const EVERY = 10_000; // milliseconds: no state on the screen is older than the promise of the map
const OLD = 60_000; // milliseconds after which nothing is called free any more
const KEPT = "gridlane.places";

class Places {
  all = $state.raw<Place[]>([]);
  waits = $state.raw<ReadonlyMap<string, WaitForecast>>(new Map());
  ready = $state(false);
  #heard = $state(0);
  problem = $state.raw<Problem | null>(null);
  /** Grows with every answer. */
  version = $state(0);
  filters = $state<Filters>(unfiltered());
  me = $state.raw<[longitude: number, latitude: number] | null>(null);

  /** Whether the states are the present ones; after a minute without a word they are not. */
  get fresh(): boolean {
    return now() - this.#heard < OLD;
  }

  /** Those that pass the filters, the nearest first once we know where the driver is. */
  get shown(): Place[] {
    const passing = this.all.filter((place) => passes(place, this.filters));
    const { me } = this;
    return me ? passing.toSorted((a, b) => distance(me, a) - distance(me, b)) : passing;
  }

  /** Reads now and again; the returned function stops. */
  follow(): () => void {
    void this.load();
    const timer = setInterval(() => {
      if (!document.hidden) void this.load();
    }, EVERY);
    return () => clearInterval(timer);
  }

  async load(): Promise<void> {
    try {
      this.all = (await api.get<All<Place>>("/driver/places")).items;
      this.#heard = Date.now();
      this.problem = null;
      this.ready = true;
      this.version++;
      localStorage.setItem(KEPT, JSON.stringify(this.all));
      const waits = await api.get<All<WaitForecast>>("/driver/waits");
      this.waits = new Map(waits.items.map((wait) => [wait.site_id, wait]));
    } catch (error) {
      this.problem = asProblem(error);
      if (!this.ready) this.#remember();
    }
  }

  /** Without a network the places are still where they were; what they do now is not known. */
  #remember(): void {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "[]") as Place[];
    if (kept.length === 0) return;
    this.all = kept;
    this.ready = true;
    this.version++;
  }

  locate(): void {
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => (this.me = [coords.longitude, coords.latitude]),
      () => (this.me = null),
      { maximumAge: 60_000, timeout: 10_000 },
    );
  }
}

export const places = new Places();

export function passes(place: Place, filters: Filters): boolean {
  return (
    (!filters.free || place.free > 0) &&
    (!filters.accessible || place.accessible) &&
    (!filters.always || place.opening === ALWAYS) &&
    (!filters.favourites || favourites.has(place.id)) &&
    (!filters.connector || place.connectors.includes(filters.connector)) &&
    (place.max_power ?? 0) >= filters.power &&
    (filters.price === null || isWithin(place.price, filters.price)) &&
    filters.amenities.every((amenity) => place.amenities.includes(amenity))
  );
}

/** Whether a kWh costs no more; a price that is not known passes nothing. */
function isWithin(price: Price | null, most: number): boolean {
  return price !== null && Number(price.energy ?? 0) <= most;
}

/** How many filters beside the chips are set. */
export function more({ always, favourites: mine, connector, price, amenities }: Filters): number {
  return [always, mine, connector, price !== null].filter(Boolean).length + amenities.length;
}

/** The price of a kWh at the middle of each hour from now on; empty where there is none. */
export function hourly(ahead: readonly PriceAhead[], from: number, hours: number): number[] {
  if (ahead.length === 0) return [];
  return Array.from({ length: hours }, (_, hour) => {
    const at = from + (hour + 0.5) * 3_600_000;
    const held = ahead.findLast(({ since }) => Date.parse(since) <= at) ?? ahead[0]!;
    return Number(held.energy ?? 0);
  });
}

/** Free only when a plug is known to be free now; what is out is never shown as busy. */
export function toneOf({ free, plugs, out }: Place, fresh = true): PinTone {
  if (!fresh) return "off";
  if (free > 0) return "free";
  return out >= plugs ? "off" : "waiting";
}

export function plugsSentence(place: Place, fresh = true): string {
  if (!fresh) return say("place.unknown");
  if (place.free > 0) return say("place.free", { count: place.free, plugs: place.plugs });
  return place.out >= place.plugs ? say("place.out") : say("place.busy", { count: place.plugs });
}

export function priceSentence(price: Price | null): string {
  if (!price) return say("price.unknown");
  const parts = [
    price.energy && say("price.energy", { price: money(price.energy, price.currency) }),
    price.hour && say("price.hour", { price: money(price.hour, price.currency) }),
    price.start && say("price.start", { price: money(price.start, price.currency) }),
  ];
  return parts.filter(Boolean).join(" + ") || say("price.free");
}

const EARTH = 6_371_000; // metres

/** Metres as the crow flies. */
export function distance([longitude, latitude]: readonly [number, number], to: Place): number {
  const rad = Math.PI / 180;
  const north = Math.sin(((to.latitude - latitude) * rad) / 2) ** 2;
  const east = Math.sin(((to.longitude - longitude) * rad) / 2) ** 2;
  return (
    2 * EARTH * Math.asin(Math.sqrt(north + Math.cos(latitude * rad) * Math.cos(to.latitude * rad) * east))
  );
}
