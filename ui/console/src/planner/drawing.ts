/** What is drawn on the map becomes the tables that planners read. Pure. */

export type Corner = [lon: number, lat: number];
export type Tool = "demand" | "site" | "zone";

/** An area whose people live evenly spread in it, or one where nothing may be built. */
export interface Area {
  kind: "demand" | "zone";
  corners: Corner[];
  people: number;
}

export interface Sketch {
  areas: readonly Area[];
  sites: readonly Corner[];
}

/** Demand points an area is cut into, about. */
const POINTS = 150;

export function inside([lon, lat]: Corner, corners: readonly Corner[]): boolean {
  let within = false;
  corners.forEach(([x, y], k) => {
    const [before, above] = corners.at(k - 1)!;
    if (y > lat !== above > lat && lon < ((before - x) * (lat - y)) / (above - y) + x) within = !within;
  });
  return within;
}

/** Points in even rows over an area, at least its middle. */
export function lattice(corners: readonly Corner[], about = POINTS): Corner[] {
  const lons = corners.map(([lon]) => lon);
  const lats = corners.map(([, lat]) => lat);
  const [west, east, south, north] = [
    Math.min(...lons),
    Math.max(...lons),
    Math.min(...lats),
    Math.max(...lats),
  ];
  const middle: Corner = [(west + east) / 2, (south + north) / 2];
  const wide = Math.max(1e-6, (east - west) * Math.cos((middle[1] * Math.PI) / 180));
  const step = Math.sqrt((wide * Math.max(1e-6, north - south)) / about);
  const columns = Math.max(1, Math.round(wide / step));
  const rows = Math.max(1, Math.round((north - south) / step));
  const found: Corner[] = [];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const place: Corner = [
        west + ((column + 0.5) * (east - west)) / columns,
        south + ((row + 0.5) * (north - south)) / rows,
      ];
      if (inside(place, corners)) found.push(place);
    }
  return found.length > 0 ? found : [middle];
}

const row = (id: string, [lon, lat]: Corner): string => `${id},${lon.toFixed(6)},${lat.toFixed(6)}`;

/** Demand and candidates as CSV, zones as GeoJSON (none where none were drawn). */
export function tablesOf({ areas, sites }: Sketch): Record<string, { file: string; text: string }> {
  const demand = areas
    .filter(({ kind }) => kind === "demand")
    .flatMap(({ corners, people }, area) => {
      const points = lattice(corners);
      return points.map(
        (point, k) => `${row(`area${area + 1}-${k + 1}`, point)},${people / points.length},area ${area + 1}`,
      );
    });
  const zones = areas.filter(({ kind }) => kind === "zone");
  const features = zones.map(({ corners }) => ({
    type: "Feature",
    properties: {},
    geometry: { type: "Polygon", coordinates: [[...corners, corners[0]]] },
  }));
  return {
    demand: { file: "demand.csv", text: ["id,lon,lat,weight,group", ...demand].join("\n") },
    candidates: {
      file: "candidates.csv",
      text: ["id,lon,lat", ...sites.map((site, k) => row(`site${k + 1}`, site))].join("\n"),
    },
    ...(zones.length > 0
      ? {
          exclusions: {
            file: "zones.geojson",
            text: JSON.stringify({ type: "FeatureCollection", features }),
          },
        }
      : {}),
  };
}
