/** The ground that every map stands on: land, borders and names, in the colours of the present theme. */
import type { FeatureCollection, Point } from "geojson";
import type { GeoJSONSource, Map as MapLibre, StyleSpecification } from "maplibre-gl";
import { feature, mesh } from "topojson-client";
import type { GeometryCollection, Topology } from "topojson-specification";
import { ground } from "virtual:basemap";

import { colour } from "../look/theme.svelte";
import type { Places } from "./basemap";

const FINE_FROM = 4.5; // zoom from which borders and places are drawn in detail
const CELL = 5;

const nothing: FeatureCollection = { type: "FeatureCollection", features: [] };
const source = { type: "geojson", data: nothing } as const;
const face = ["Inter Variable"];

/** The style before any data has come; names are drawn with the page's own font, so no glyph server is asked. */
export function groundStyle(): StyleSpecification {
  return {
    version: 8,
    sources: { land: source, borders: source, states: source, places: source },
    layers: [
      { id: "sea", type: "background" },
      { id: "land", type: "fill", source: "land" },
      {
        id: "settled",
        type: "circle",
        source: "places",
        minzoom: 5,
        paint: {
          "circle-radius": [
            "interpolate",
            ["exponential", 2],
            ["zoom"],
            0,
            ["get", "reach"],
            20,
            ["*", ["get", "reach"], 2 ** 20],
          ],
          "circle-blur": 0.5,
          "circle-opacity": 0.55,
        },
      },
      { id: "states", type: "line", source: "states", paint: { "line-width": 0.6 } },
      { id: "borders", type: "line", source: "borders", paint: { "line-width": 1 } },
      {
        id: "places",
        type: "symbol",
        source: "places",
        layout: {
          "text-field": ["get", "name"],
          "text-font": face,
          "text-size": ["interpolate", ["linear"], ["zoom"], 4, ["get", "small"], 12, ["get", "large"]],
          "text-letter-spacing": ["case", ["get", "part"], 0.04, 0],
          "text-padding": 10,
          "text-max-width": 8,
          "symbol-sort-key": ["-", 0, ["get", "people"]],
        },
        paint: { "text-halo-width": 1.4 },
        filter: [">=", ["zoom"], ["get", "from"]],
      },
    ],
  };
}

/** Draws the ground in the theme's colours; called again when the theme changes. */
export function paintGround(map: MapLibre): void {
  map.setPaintProperty("sea", "background-color", colour("--map-sea"));
  map.setPaintProperty("land", "fill-color", colour("--map-land"));
  map.setPaintProperty("land", "fill-outline-color", colour("--map-land"));
  map.setPaintProperty("settled", "circle-color", colour("--map-settled"));
  map.setPaintProperty("borders", "line-color", colour("--map-border"));
  map.setPaintProperty("states", "line-color", colour("--map-border"));
  map.setPaintProperty("places", "text-color", colour("--map-name"));
  map.setPaintProperty("places", "text-halo-color", colour("--map-land"));
}

/** Fetches the ground: the coarse world at once, detail when the map comes near. */
export async function fillGround(map: MapLibre): Promise<void> {
  let fine = false;
  const cells = new Map<string, Promise<FeatureCollection<Point>>>();

  async function nearer(): Promise<void> {
    if (map.getZoom() < FINE_FROM) return;
    if (!fine) {
      fine = true;
      void drawWorld(map, "world-fine.json");
      void drawStates(map);
    }
    const wanted = cellsIn(map);
    if (wanted.every((cell) => cells.has(cell))) return;
    for (const cell of wanted) if (!cells.has(cell)) cells.set(cell, placesOf(`places-${cell}.json`));
    const features = (await Promise.all(cells.values())).flatMap((collection) => collection.features);
    data(map, "places", { type: "FeatureCollection", features });
  }

  map.on("moveend", () => void nearer());
  await Promise.all([drawWorld(map, "world.json"), drawNames(map)]);
  await nearer();
}

type Atlas = Topology<{ countries: GeometryCollection }>;

async function drawWorld(map: MapLibre, file: string): Promise<void> {
  const world = await read<Atlas>(file);
  if (!world) return;
  data(map, "land", feature(world, world.objects.countries));
  data(
    map,
    "borders",
    mesh(world, world.objects.countries, (a, b) => a !== b),
  );
}

async function drawStates(map: MapLibre): Promise<void> {
  const usa = await read<Topology<{ states: GeometryCollection }>>("states.json");
  if (usa)
    data(
      map,
      "states",
      mesh(usa, usa.objects.states, (a, b) => a !== b),
    );
}

async function drawNames(map: MapLibre): Promise<void> {
  data(map, "places", await placesOf("places.json"));
}

async function placesOf(file: string): Promise<FeatureCollection<Point>> {
  const places = await read<Places>(file);
  if (!places) return { type: "FeatureCollection", features: [] };
  const features = places.names.map((name, at) => {
    const people = places.people[at]!;
    const part = places.parts[at] === 1;
    const latitude = places.latitudes[at]! / 1000;
    const weight = Math.log10(Math.max(people, 1000)) - 3; // 0 for a village, 4 for ten million
    return {
      type: "Feature" as const,
      geometry: {
        type: "Point" as const,
        coordinates: [places.longitudes[at]! / 1000, latitude],
      },
      properties: {
        name,
        people,
        part,
        reach: reach(people, latitude),
        from: part ? 11.5 - weight : 9.5 - 2 * weight,
        small: 10 + weight * 0.8,
        large: part ? 11 + weight * 0.5 : 11 + weight * 1.6,
      },
    };
  });
  return { type: "FeatureCollection", features };
}

const PEOPLE_PER_KM2 = 4000; // of a European city
const METRES_PER_PIXEL = 78_271.5; // at zoom 0 on the equator

/** How far about a place people live, in pixels at zoom 0: towns are shaded without a map of their streets. */
function reach(people: number, latitude: number): number {
  const metres = 1000 * Math.sqrt(people / PEOPLE_PER_KM2 / Math.PI);
  return metres / METRES_PER_PIXEL / Math.cos((latitude * Math.PI) / 180);
}

/** The cells of detailed places that the map shows, at most a dozen. */
function cellsIn(map: MapLibre): string[] {
  const bounds = map.getBounds();
  const cells: string[] = [];
  for (let x = Math.floor(bounds.getWest() / CELL); x <= Math.floor(bounds.getEast() / CELL); x++)
    for (let y = Math.floor(bounds.getSouth() / CELL); y <= Math.floor(bounds.getNorth() / CELL); y++)
      cells.push(`${x}_${y}`);
  return cells.slice(0, 12);
}

async function read<T>(file: string): Promise<T | null> {
  const answer = await fetch(ground + file);
  return answer.ok ? ((await answer.json()) as T) : null; // a cell of open sea has no file
}

function data(map: MapLibre, name: string, value: GeoJSON.GeoJSON): void {
  (map.getSource(name) as GeoJSONSource | undefined)?.setData(value);
}
