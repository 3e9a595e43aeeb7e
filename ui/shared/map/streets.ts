/** Streets, water and parks from the operator's own map archive (PMTiles, Protomaps' schema), where there is one. */
import { layers, namedFlavor } from "@protomaps/basemaps";
import type { LayerSpecification, Map as MapLibre } from "maplibre-gl";
import { addProtocol } from "maplibre-gl";
import { Protocol } from "pmtiles";

const SOURCE = "streets";
const face = ["Inter Variable"];
/** Symbols that need a sheet of pictures, which the archive does not bring. */
const PICTURED = /pois|shield|oneway/;

let known = false;

/** Draws the archive at `url` below the layer `before`, in the colours of the theme. */
export function drawStreets(
  map: MapLibre,
  url: string,
  before: string,
  language: string,
  dark: boolean,
): void {
  if (!known) {
    addProtocol("pmtiles", new Protocol().tile);
    known = true;
  }
  eraseStreets(map);
  map.addSource(SOURCE, {
    type: "vector",
    url: `pmtiles://${new URL(url, location.href).href}`,
    attribution: "© OpenStreetMap",
  });
  const drawn = layers(SOURCE, namedFlavor(dark ? "dark" : "light"), { lang: language });
  for (const layer of drawn)
    if (layer.type !== "background" && !PICTURED.test(layer.id)) add(map, layer, before);
}

export function eraseStreets(map: MapLibre): void {
  for (const { id } of map.getStyle().layers) if (id.startsWith(`${SOURCE}:`)) map.removeLayer(id);
  if (map.getSource(SOURCE)) map.removeSource(SOURCE);
}

function add(map: MapLibre, layer: LayerSpecification, before: string): void {
  const own = { ...layer, id: `${SOURCE}:${layer.id}` };
  if (own.type === "symbol") {
    const { "icon-image": _picture, ...layout } = own.layout ?? {};
    own.layout = { ...layout, "text-font": face };
  }
  map.addLayer(own, before);
}
