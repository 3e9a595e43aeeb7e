/** Which page is shown: paths to components, loaded when they are first needed. */
import type { Component } from "svelte";

export type Params = Readonly<Record<string, string>>;
type PageComponent = Component<{ params: Params }>;

/** What a route loads: a component that reads the params of its address, or needs none. */
type PageModule = { default: PageComponent | Component<Record<string, never>> };

export interface Route {
  /** `/stations/:id`, below the app's base. */
  path: string;
  load: () => Promise<PageModule>;
}

export interface Shown {
  page: PageComponent;
  params: Params;
  path: string;
}

class Router {
  /** Path below the base, without query. */
  path = $state("/");
  query = $state.raw(new URLSearchParams());
  shown = $state.raw<Shown | null>(null);
  missing = $state(false);
  failed = $state.raw<unknown>(null);
  #routes: readonly Route[] = [];
  #base = "";

  /** Begins to follow the address; `base` is where the app is mounted, without the slash at its end. */
  start(routes: readonly Route[], base: string): void {
    this.#routes = routes;
    this.#base = base.replace(/\/$/, "");
    addEventListener("popstate", () => void this.#follow());
    document.addEventListener("click", (event) => this.#clicked(event));
    void this.#follow();
  }

  /** The address of a page of this app. */
  to(path: string, query: Readonly<Record<string, string | undefined>> = {}): string {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value) asked.set(name, value);
    return this.#base + path + (asked.size ? `?${asked}` : "");
  }

  go(address: string, replace = false): void {
    if (replace) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    void this.#follow();
  }

  /** Keeps filters in the address, so that a view can be sent to somebody. */
  ask(changes: Readonly<Record<string, string | null | undefined>>): void {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(changes)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    this.go(location.pathname + (query.size ? `?${query}` : ""), true);
  }

  async #follow(): Promise<void> {
    const path = location.pathname.slice(this.#base.length).replace(/\/$/, "") || "/";
    const samePage = this.shown !== null && path === this.path;
    this.path = path;
    this.query = new URLSearchParams(location.search);
    if (samePage) return;
    const found = match(this.#routes, path);
    this.missing = !found;
    if (!found) return;
    try {
      const { default: page } = await found.route.load();
      if (this.path !== path) return;
      this.failed = null;
      this.shown = { page: page as PageComponent, params: found.params, path };
      scrollTo(0, 0);
    } catch (error) {
      this.failed = error;
    }
  }

  #clicked(event: MouseEvent): void {
    const link = (event.target as Element).closest("a");
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
    const inside = link.pathname === this.#base || link.pathname.startsWith(`${this.#base}/`);
    if (link.origin !== location.origin || !inside || (link.hash && link.pathname === location.pathname))
      return;
    event.preventDefault();
    if (link.href !== location.href) this.go(link.href);
  }
}

export const router = new Router();

export function match(routes: readonly Route[], path: string): { route: Route; params: Params } | null {
  for (const route of routes) {
    const params = paramsOf(route.path, path);
    if (params) return { route, params };
  }
  return null;
}

function paramsOf(pattern: string, path: string): Params | null {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    const value = given[at]!;
    const read = part.startsWith(":") ? decoded(value) : value;
    if (read === null) return null;
    if (part.startsWith(":")) params[part.slice(1)] = read;
    else if (part !== value) return null;
  }
  return params;
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null; // not UTF-8: no page has such an address
  }
}
