import { expect, test, vi } from "vitest";

import { match, type Route } from "./router.svelte";

const routes: Route[] = ["/", "/stations", "/stations/:id", "/sites/:site/circuits/:circuit"].map((path) => ({
  path,
  load: vi.fn(),
}));
const found = (path: string) => {
  const hit = match(routes, path);
  return hit && [hit.route.path, hit.params];
};

test("a path without params matches whole", () => {
  expect(found("/stations")).toEqual(["/stations", {}]);
});

test("params are read from their places and decoded", () => {
  expect(found("/sites/s%C3%BCd/circuits/7")).toEqual([
    "/sites/:site/circuits/:circuit",
    { site: "süd", circuit: "7" },
  ]);
});

test("a longer path is another page", () => {
  expect(found("/stations/1/more")).toBeNull();
});

test("a param that cannot be decoded is no page rather than a crash", () => {
  expect(found("/stations/%E0%A4%A")).toBeNull();
});
