/** The driver's side of the pretended server: the same sites as places, plugs and charges. */
import type { Charge, Place, PlaceDetails, Plug, PlugDetails } from "../shared/api/driver.ts";
import type { Session, Site, Station } from "../shared/api/model.ts";

type Answers = readonly (readonly [RegExp, (id: string, query: URLSearchParams) => unknown])[];

const PRICE = { energy: "0.49", hour: null, idle_hour: null, start: null, currency: "EUR" };

export function driverAnswers(
  sites: readonly Site[],
  stations: readonly Station[],
  sessions: readonly Session[],
): Answers {
  const at = new Date().toISOString();

  function plugs(site: Site): Plug[] {
    return stations
      .filter((one) => one.site_id === site.id)
      .flatMap((one) =>
        one.connectors.map(({ evse, status, kind, status_at }) => ({
          public_id: `DE*GDL*E${one.id.toUpperCase()}*${evse}`,
          label: null,
          state: !one.connected ? "offline" : status === "available" || status === "reserved" || status === "unavailable" || status === "faulted" ? status : "occupied", // prettier-ignore
          state_since: status_at,
          connectors: [kind!],
          max_power: kind === "IEC_62196_T2" ? 22_000 : 150_000,
          price: PRICE,
        })),
      );
  }

  function place(site: Site): Place {
    const all = plugs(site);
    return {
      id: site.id,
      name: site.name,
      address: site.address,
      city: site.city,
      latitude: site.latitude!,
      longitude: site.longitude!,
      time_zone: site.time_zone,
      plugs: all.length,
      free: all.filter(({ state }) => state === "available").length,
      out: all.filter(({ state }) => state === "faulted" || state === "offline" || state === "unavailable")
        .length,
      max_power: Math.max(...all.map(({ max_power }) => max_power ?? 0)),
      connectors: [...new Set(all.flatMap(({ connectors }) => connectors))],
      price: PRICE,
      accessible: site.id.endsWith("3"),
      amenities: ["cafe", "toilets"],
      opening: "24/7",
      as_of: at,
    };
  }

  function details(site: Site): PlaceDetails {
    return { ...place(site), evses: plugs(site), prices_ahead: [] };
  }

  function plug(number: string): PlugDetails | undefined {
    for (const site of sites) {
      const found = plugs(site).find(({ public_id }) => public_id === decodeURIComponent(number));
      if (found) return { ...found, station_id: site.id, place: place(site) };
    }
    return undefined;
  }

  function charge(session: Session): Charge {
    const site = sites.find(({ id }) => id === session.site_id)!;
    return {
      id: session.id,
      place: { id: site.id, name: site.name },
      state: session.ended_at ? "ended" : "charging",
      why: null,
      started_at: session.started_at,
      ended_at: session.ended_at,
      energy: session.energy,
      power: session.power,
      soc: session.soc,
      stop_reason: session.stop_reason,
      begins_at: null,
      limits: {},
      limit_reached: null,
      cost: { amount: (session.energy * 0.00049).toFixed(2), currency: "EUR" },
      receipt: session.ended_at ? "/receipt" : null,
    };
  }

  const mine = (): Charge[] => [...sessions.slice(0, 1), ...sessions.filter(({ ended_at }) => ended_at).slice(0, 9)].map(charge); // prettier-ignore
  return [
    [/^\/driver\/places$/, () => ({ items: sites.map(place) })],
    [/^\/driver\/places\/([^/]+)$/, (id) => details(sites.find((one) => one.id === id)!)],
    [/^\/driver\/plugs\/([^/]+)$/, (id) => plug(id)],
    [
      /^\/driver\/charges$/,
      (_, query) => ({ items: query.get("running") ? mine().slice(0, 1) : mine(), next: null }),
    ],
    [/^\/driver\/charges\/([^/]+)$/, (id) => charge(sessions.find((one) => one.id === id)!)],
  ];
}
