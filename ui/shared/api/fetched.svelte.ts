/** One thing read from the API, with its waiting and its failure, read again when asked or every so often. */
import { onDestroy } from "svelte";

import { asProblem, type Problem } from "./problem";

export class Fetched<T> {
  value = $state.raw<T>();
  problem = $state.raw<Problem | null>(null);
  loading = $state(true);
  #read: (signal: AbortSignal) => Promise<T>;
  #asking: AbortController | undefined;

  constructor(read: (signal: AbortSignal) => Promise<T>) {
    this.#read = read;
    void this.load();
  }

  async load(): Promise<void> {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    this.loading = true;
    try {
      this.value = await this.#read(asking.signal);
      this.problem = null;
    } catch (error) {
      if (asking.signal.aborted) return;
      this.problem = asProblem(error);
    } finally {
      if (this.#asking === asking) this.loading = false;
    }
  }

  stop(): void {
    this.#asking?.abort();
  }
}

/** Reads once now and, when `every` is given, again after that many seconds while the page is seen. */
export function fetched<T>(read: (signal: AbortSignal) => Promise<T>, every?: number): Fetched<T> {
  const thing = new Fetched(read);
  const timer = every
    ? setInterval(() => {
        if (!document.hidden) void thing.load();
      }, every * 1000)
    : undefined;
  onDestroy(() => {
    clearInterval(timer);
    thing.stop();
  });
  return thing;
}
