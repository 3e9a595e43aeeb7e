/**
 * The live picture: one `snapshot`, then only differences (`diff`), over server-sent events. A lost stream is
 * opened again with growing pauses; while it is lost the picture says how old it is. A hidden page lets go.
 */

import { address } from "./client";
import type { Endpoints } from "./endpoints";

export type LiveState = "connecting" | "live" | "lost";

/** Each changed station whole or in part; null when it is gone. */
export interface Difference<Thing> {
  stations: Record<string, Partial<Thing> | null>;
}

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;
const HIDDEN_FOR = 60_000;

export class Live<Thing extends object> {
  state = $state<LiveState>("connecting");
  /** When the last word came (milliseconds since 1970). */
  heard = $state(0);
  /** Grows with every word, for what draws all things at once (the map). */
  version = $state(0);
  readonly things = new Map<string, Thing>();
  /** Ids touched by the last word; null when everything is new. */
  touched: ReadonlySet<string> | null = null;

  #stream: EventSource | undefined;
  #pause = FIRST_PAUSE;
  #again: ReturnType<typeof setTimeout> | undefined;
  #letGo: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly path: Endpoints["get"]) {}

  /** Opens the stream; the returned function closes it. */
  open(): () => void {
    const seen = (): void => this.#whenSeen();
    document.addEventListener("visibilitychange", seen);
    this.#connect();
    return () => {
      document.removeEventListener("visibilitychange", seen);
      this.#close();
    };
  }

  #connect(): void {
    this.#close();
    const stream = (this.#stream = new EventSource(address(this.path)));
    stream.addEventListener("snapshot", (event) => this.#hear(event, true));
    stream.addEventListener("diff", (event) => this.#hear(event, false));
    stream.onerror = () => this.#lose();
  }

  #close(): void {
    clearTimeout(this.#again);
    clearTimeout(this.#letGo);
    this.#stream?.close();
    this.#stream = undefined;
  }

  #hear(event: MessageEvent<string>, whole: boolean): void {
    const word = JSON.parse(event.data) as Difference<Thing>;
    if (whole) this.things.clear();
    this.touched = whole ? null : new Set(Object.keys(word.stations));
    for (const [id, difference] of Object.entries(word.stations)) {
      if (difference === null) this.things.delete(id);
      else this.things.set(id, { ...this.things.get(id), ...difference } as Thing);
    }
    this.#pause = FIRST_PAUSE;
    this.state = "live";
    this.heard = Date.now();
    this.version++;
  }

  #lose(): void {
    this.#close();
    this.state = "lost";
    const wait = this.#pause * (0.75 + Math.random() / 2);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.#again = setTimeout(() => this.#connect(), wait);
  }

  #whenSeen(): void {
    clearTimeout(this.#letGo);
    if (document.hidden) this.#letGo = setTimeout(() => this.#close(), HIDDEN_FOR);
    else if (!this.#stream) this.#connect();
  }
}
