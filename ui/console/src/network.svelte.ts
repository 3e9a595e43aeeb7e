/** The network as it is right now; one stream for the whole console, and its sums kept while it changes. */
import { Live } from "$shared/api/live.svelte";
import type { EvseState, LiveSession, LiveStation } from "$shared/api/model";

export interface RunningSession extends LiveSession {
  station_id: string;
  station_name: string;
}

/** Sums over all stations; a difference moves them by what changed, however large the network is. */
export class Totals {
  stations = 0;
  online = 0;
  faulted = 0;
  sessions = 0;
  /** W */
  power = 0;
  evses: Record<EvseState, number> = {
    available: 0,
    occupied: 0,
    reserved: 0,
    unavailable: 0,
    faulted: 0,
    offline: 0,
  };

  /** Counts a station in (`sign` 1) or out again (-1). */
  count(station: LiveStation, sign: 1 | -1): void {
    this.stations += sign;
    if (station.connected) this.online += sign;
    const states = Object.values(station.evses).map(({ state }) => state);
    if (states.includes("faulted")) this.faulted += sign;
    for (const state of states) this.evses[state] += sign;
    this.sessions += sign * station.sessions.length;
    for (const { power } of station.sessions) this.power += sign * (power ?? 0);
  }
}

const live = new Live<LiveStation>("/live");
const counted = new Map<string, LiveStation>();
let sums = new Totals();

class Network {
  readonly live = live;

  get version(): number {
    return live.version;
  }

  station(id: string): LiveStation | undefined {
    void live.version;
    return live.things.get(id);
  }

  stations(): readonly LiveStation[] {
    void live.version;
    return [...live.things.values()];
  }

  /** The sums at this moment. */
  get totals(): Totals | null {
    return live.version > 0 ? follow() : null;
  }

  /** The sessions that run, those with most power first. */
  running(most: number): RunningSession[] {
    void live.version;
    const all: RunningSession[] = [];
    for (const [id, { name, sessions }] of live.things)
      for (const session of sessions) all.push({ ...session, station_id: id, station_name: name });
    return all.toSorted((a, b) => (b.power ?? 0) - (a.power ?? 0)).slice(0, most);
  }
}

export const network = new Network();

let followed = 0;

function follow(): Totals {
  if (followed === live.version) return sums;
  const whole = live.touched === null || live.version > followed + 1;
  followed = live.version;
  if (whole) recount();
  else for (const id of live.touched!) move(id);
  return (sums = Object.assign(new Totals(), sums, { evses: { ...sums.evses } }));
}

function recount(): void {
  sums = new Totals();
  counted.clear();
  for (const id of live.things.keys()) move(id);
}

function move(id: string): void {
  const before = counted.get(id);
  const after = live.things.get(id);
  if (before) sums.count(before, -1);
  if (after) sums.count(after, 1);
  if (after) counted.set(id, after);
  else counted.delete(id);
}
