/** The one door to the API. */
import type { Endpoints } from "./endpoints";
import { Problem, problemOf } from "./problem";

export const BASE = "/api/v1";

export type Query = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined | null>
>;

export interface Asking {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
}

/** Called when the API says that nobody is signed in. */
let onSignedOut: () => void = () => {};

export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

/** Only addresses that the API has; one that is gone does not compile. */
export const api = {
  get: <T>(path: Endpoints["get"], asking: Asking = {}) => ask<T>("GET", path, asking),
  post: <T>(path: Endpoints["post"], body?: unknown, asking: Asking = {}) =>
    ask<T>("POST", path, { ...asking, body }),
  put: <T>(path: Endpoints["put"], body?: unknown, asking: Asking = {}) =>
    ask<T>("PUT", path, { ...asking, body }),
  patch: <T>(path: Endpoints["patch"], body?: unknown, asking: Asking = {}) =>
    ask<T>("PATCH", path, { ...asking, body }),
  delete: <T = void>(path: Endpoints["delete"], asking: Asking = {}) => ask<T>("DELETE", path, asking),
};

async function ask<T>(method: string, path: string, asking: Asking): Promise<T> {
  const answer = await send(method, path, asking);
  if (!answer.ok) {
    const problem = await problemOf(answer);
    if (problem.signedOut) onSignedOut();
    throw problem;
  }
  if (answer.status === 204) return undefined as T;
  return (await answer.json()) as T;
}

async function send(method: string, path: string, asking: Asking): Promise<Response> {
  const hasBody = asking.body !== undefined;
  const file = asking.body instanceof Blob ? asking.body : null;
  try {
    return await fetch(address(path, asking.query), {
      method,
      headers: {
        Accept: "application/json",
        ...(hasBody ? { "Content-Type": file?.type ?? "application/json" } : {}),
      },
      body: file ?? (hasBody ? JSON.stringify(asking.body) : null),
      credentials: "same-origin",
      signal: asking.signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem("unreachable", 0, "");
  }
}

/** Path and query as an address below the API's base; empty values are left out. */
export function address(path: string, query: Query = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) parameters.append(name, String(one));
  }
  const asked = parameters.toString();
  return BASE + path + (asked ? `?${asked}` : "");
}
