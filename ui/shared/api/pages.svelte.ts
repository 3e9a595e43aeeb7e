/** A list that the API hands out page by page (`?cursor=&limit=` -> `{items, next}`). */
import { api, type Query } from "./client";
import type { Endpoints } from "./endpoints";
import { asProblem, type Problem } from "./problem";

export interface Page<T> {
  items: T[];
  /** Cursor of the next page; null at the end. */
  next: string | null;
}

export class Pages<T> {
  items = $state.raw<T[]>([]);
  loading = $state(false);
  /** True once the first page has come. */
  ready = $state(false);
  problem = $state.raw<Problem | null>(null);
  next = $state<string | null>(null);
  #path: Endpoints["get"];
  #query: Query = {};
  #asking: AbortController | undefined;

  constructor(
    path: Endpoints["get"],
    readonly limit = 100,
  ) {
    this.#path = path;
  }

  get more(): boolean {
    return this.next !== null;
  }

  /** Starts over with these filters; what is shown stays until the answer comes. */
  async load(query: Query = this.#query): Promise<void> {
    this.#query = query;
    await this.#fetch(null);
  }

  async loadMore(): Promise<void> {
    if (this.next !== null && !this.loading) await this.#fetch(this.next);
  }

  async #fetch(cursor: string | null): Promise<void> {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    this.loading = true;
    try {
      const query = { ...this.#query, limit: this.limit, cursor };
      const page = await api.get<Page<T>>(this.#path, { query, signal: asking.signal });
      this.items = cursor === null ? page.items : [...this.items, ...page.items];
      this.next = page.next;
      this.problem = null;
      this.ready = true;
    } catch (error) {
      if (asking.signal.aborted) return;
      this.problem = asProblem(error);
    } finally {
      if (this.#asking === asking) this.loading = false;
    }
  }
}
