/**
 * A pretended Gridlane for working on the screens without a server: `GRIDLANE_PRETEND=1 npm run dev`.
 * Never part of a build. Seeded, so that two looks at a page show the same.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Connect, Plugin } from "vite";

import type { Evse, EvseState, LiveStation, Message, Operation, Reading, Session, Station, StationState, Token } from "../shared/api/model.ts"; // prettier-ignore

const COUNT = Number(process.env["GRIDLANE_PRETEND_STATIONS"] ?? 320);
const PERMISSIONS = ["stations:read", "stations:write", "stations:operate", "stations:expert", "messages:read", "sessions:read", "tokens:read", "tokens:write", "maintenance:read", "energy:read", "prices:read", "people:read", "planning:read", "reports:read"]; // prettier-ignore
const STREETS = ["Sonnenallee", "Karl-Marx-Straße", "Torstraße", "Kantstraße", "Müllerstraße", "Schönhauser Allee", "Bergmannstraße", "Potsdamer Straße", "Frankfurter Allee", "Kurfürstendamm", "Oranienstraße", "Warschauer Straße"]; // prettier-ignore
const MODELS = [["ABB", "Terra 54"], ["Alfen", "Eve Double Pro"], ["Compleo", "Duo ims"], ["Kempower", "S-Series"], ["Mennekes", "Amtron 4Business"]] as const; // prettier-ignore

let seed = 7;
function random(): number {
  seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296;
  return seed / 4_294_967_296;
}
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();

const stations: Station[] = Array.from({ length: COUNT }, (_, at) => station(at));
const places = new Map(stations.map(({ id }) => [id, [13.4 + (random() + random() - 1) * 0.22, 52.51 + (random() + random() - 1) * 0.1] as const])); // prettier-ignore
const evses = new Map(stations.map((one) => [one.id, Array.from({ length: 1 + (Number(one.id.slice(1)) % 2) }, (_, at) => evse(one, at + 1))])); // prettier-ignore
const sessions: Session[] = stations.flatMap((one) => (one.state === "charging" ? [session(one, true)] : []));
for (let at = 0; at < 140; at++) sessions.push(session(pick(stations), false));
const tokens: Token[] = Array.from({ length: 34 }, (_, at) => token(at));
const operations: Operation[] = Array.from({ length: 26 }, (_, at) => operation(at));

function station(at: number): Station {
  const state = at === 4 ? "faulted" : pick<StationState>(["free", "free", "free", "charging", "charging", "charging", "occupied", "reserved", "unavailable", "faulted", "offline"]); // prettier-ignore
  const [vendor, model] = pick(MODELS);
  const connected = state !== "offline";
  const street = pick(STREETS);
  return {
    id: `s${at}`,
    identity: `DE-GL-${String(1000 + at)}`,
    name: `${street} ${1 + Math.floor(random() * 180)}`,
    site_id: `site${at % 20}`,
    site_name: `Quartier ${street}`,
    approval: "accepted",
    security_profile: pick([1, 2, 2, 2, 3]),
    protocol: pick(["ocpp1.6", "ocpp2.0.1", "ocpp2.1"]),
    secure: random() > 0.2,
    address: `10.20.${at % 250}.14`,
    connected,
    connected_at: ago(random() * 400_000),
    disconnected_at: connected ? null : ago(random() * 20_000),
    last_seen_at: ago(connected ? random() * 200 : 900 + random() * 20_000),
    booted_at: ago(random() * 900_000),
    vendor,
    model,
    serial: `SN${Math.floor(random() * 1e8)}`,
    firmware: pick(["5.8.2", "5.8.4", "6.0.1", "4.31.0"]),
    firmware_status: "Installed",
    boot_reason: "PowerUp",
    clock_offset: at % 17 === 0 ? 74 : random(),
    flaps: Math.floor(random() * 3),
    created_at: ago(8_000_000),
    state,
  };
}

function evse(of: Station, number: number): Evse {
  const states: Record<StationState, EvseState> = { free: "available", charging: "charging", occupied: "suspended_ev", reserved: "reserved", unavailable: "unavailable", faulted: "faulted", offline: "unknown", unknown: "unknown" }; // prettier-ignore
  const status = number === 1 ? states[of.state] : "available";
  const max = pick([11_000, 22_000, 50_000, 150_000]);
  return {
    id: `${of.id}-${number}`,
    number,
    public_id: `DE*GDL*E${of.id}*${number}`,
    label: number === 1 ? "left bay" : null,
    phases: 3,
    max_power: max,
    connectors: [{ number: 1, kind: max > 22_000 ? "IEC_62196_T2_COMBO" : "IEC_62196_T2", max_current: 32, status, status_at: ago(random() * 9000), error: status === "faulted" ? "GroundFailure" : null, operative: true }], // prettier-ignore
    power: status === "charging" ? max * (0.4 + random() * 0.6) : 0,
    session_id: null,
  };
}

function session(of: Station, running: boolean): Session {
  const length = 600 + random() * 9000;
  const start = running ? length : length + random() * 600_000;
  const energy = length * (2 + random() * 8);
  return {
    id: `c${of.id}${running ? "r" : Math.floor(random() * 1e6)}`,
    station_id: of.id,
    station_name: of.name,
    site_name: of.site_name,
    evse: 1,
    connector: 1,
    transaction: String(Math.floor(random() * 1e6)),
    token: `•••• ${Math.floor(1000 + random() * 8999)}`,
    state: running ? pick(["charging", "charging", "charging", "suspended"]) : "ended",
    started_at: ago(start),
    ended_at: running ? null : ago(start - length),
    stop_reason: running ? null : pick(["EVDisconnected", "Local", "Remote"]),
    energy,
    power: running ? 3000 + random() * 60_000 : null,
    state_of_charge: running ? Math.round(20 + random() * 70) : null,
    cost: { amount: (energy * 0.00049).toFixed(2), currency: "EUR" },
    problems: !running && random() > 0.9 ? ["no_energy"] : [],
  };
}

function readingsOf(of: Session): Reading[] {
  const begin = Date.parse(of.started_at);
  const end = of.ended_at ? Date.parse(of.ended_at) : Date.now();
  return Array.from({ length: 120 }, (_, at) => {
    const part = at / 119;
    const power =
      50_000 * Math.min(1, part * 12) * (part > 0.6 ? 1 - (part - 0.6) * 1.7 : 1) + random() * 900;
    const phase = power / 690;
    return {
      at: new Date(begin + part * (end - begin)).toISOString(),
      power,
      energy: of.energy * part,
      current: [phase, phase * 0.99, phase * 1.01],
      voltage: [230, 231, 229],
      state_of_charge: 22 + 60 * part,
      offered: part < 0.3 ? 50_000 : 44_000,
    };
  });
}

function token(at: number): Token {
  return {
    id: `t${at}`,
    kind: pick(["rfid", "rfid", "app", "emaid"]),
    label: pick(["Anna Weber", "Fleet 12", "Service card", "Jonas Klein", null]),
    last4: String(Math.floor(1000 + random() * 8999)),
    group: pick([null, null, "Fleet North"]),
    blocked: random() > 0.88,
    valid_until: random() > 0.7 ? ago(-9_000_000) : null,
    created_at: ago(2_000_000),
  };
}

function operation(at: number): Operation {
  const of = at < 3 ? stations[4]! : pick(stations);
  const status = at === 0 ? "agreed" : pick<Operation["status"]>(["verified", "verified", "verified", "refused", "unverified", "timed_out"]); // prettier-ignore
  return {
    id: `o${at}`,
    station_id: of.id,
    station_name: of.name,
    kind: pick(["reset", "unlock", "trigger", "set_charging_profile", "get_log", "change_availability"]),
    params: {},
    status,
    actor: pick(["Mara Lindt", "playbook", "Ole Hansen"]),
    reason: null,
    created_at: ago(20 + at * 700),
    expires_at: ago(-600),
    sent_at: ago(19 + at * 700),
    answered_at: ago(18 + at * 700),
    ended_at: status === "agreed" ? null : ago(6 + at * 700),
    answer: { status: "Accepted" },
    evidence:
      status === "verified" ? "station booted" : status === "unverified" ? "no boot within 300 s" : null,
  };
}

function messagesOf(of: Station): Message[] {
  const actions = [
    "Heartbeat",
    "StatusNotification",
    "MeterValues",
    "TransactionEvent",
    "Authorize",
    "Reset",
  ];
  return Array.from({ length: 60 }, (_, at) => ({
    at: ago(at * 37),
    outgoing: at % 6 === 5,
    action: actions[at % 6]!,
    message_id: `${of.id}-${9000 - at}`,
    payload: JSON.stringify({
      evseId: 1,
      connectorId: 1,
      timestamp: ago(at * 37),
      note: "<img src=x onerror=alert(1)>",
    }),
    answer: at === 3 ? null : JSON.stringify({ status: "Accepted", currentTime: ago(at * 37) }),
    warnings: at === 7 ? "phase L1-N spelled L1N" : null,
  }));
}

function live(of: Station): LiveStation {
  const [longitude, latitude] = places.get(of.id)!;
  const power = evses.get(of.id)!.reduce((sum, one) => sum + (one.power ?? 0), 0);
  return {
    name: of.name,
    longitude,
    latitude,
    state: of.state,
    power,
    sessions: of.state === "charging" ? 1 : 0,
  };
}

function totals() {
  const all = [...evses.values()].flat();
  const states: Partial<Record<EvseState, number>> = {};
  for (const one of all) states[one.connectors[0]!.status] = (states[one.connectors[0]!.status] ?? 0) + 1;
  return {
    stations: COUNT,
    stations_online: stations.filter(({ connected }) => connected).length,
    evses: states,
    sessions: sessions.filter(({ ended_at }) => !ended_at).length,
    power: all.reduce((sum, one) => sum + (one.power ?? 0), 0),
    power_limit: 9_000_000,
    energy_today: 8_412_300,
    faults: stations.filter(({ state }) => state === "faulted").length,
    start_success: 0.974,
  };
}

function stream(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  const tell = (event: string, data: unknown): void =>
    void response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  tell("snapshot", {
    stations: Object.fromEntries(stations.map((one) => [one.id, live(one)])),
    totals: totals(),
  });
  const timer = setInterval(() => {
    const touched = Array.from({ length: 6 }, () => pick(stations));
    for (const one of touched)
      for (const plug of evses.get(one.id)!) if (plug.power) plug.power *= 0.9 + Math.random() * 0.2;
    tell("diff", { stations: Object.fromEntries(touched.map((one) => [one.id, { power: live(one).power }])), totals: { power: totals().power } }); // prettier-ignore
  }, 1000);
  response.on("close", () => clearInterval(timer));
}

const newcomers = Array.from({ length: 3 }, (_, at) => ({
  ...station(9000 + at),
  approval: "pending" as const,
}));
const stumbles = ["wrong_password", "unknown_station", "tls", "no_subprotocol"].map((reason_code, at) => ({ id: `h${at}`, at: ago(60 + at * 300), identity: `CP-${at}`, address: `10.9.8.${at}`, count: 1 + at * 4, reason_code })); // prettier-ignore

type Answerer = (id: string, query: URLSearchParams) => unknown;
const page = (items: unknown[], query: URLSearchParams): unknown => {
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  return {
    items: items.slice(from, from + limit),
    next: from + limit < items.length ? String(from + limit) : null,
  };
};
const matches = (query: URLSearchParams, text: string): boolean =>
  text.toLowerCase().includes((query.get("search") ?? "").toLowerCase());

const answers: readonly (readonly [RegExp, Answerer])[] = [
  [/^\/me$/, () => ({ name: "Mara Lindt", email: "mara@example.org", organization: { id: "o", name: "Stadtwerke Muster" }, permissions: PERMISSIONS })], // prettier-ignore
  [/^\/stations$/, (_, query) => page(stations.filter((one) => matches(query, one.name + one.identity) && (!query.get("state") || one.state === query.get("state")) && (!query.get("protocol") || one.protocol === query.get("protocol"))), query)], // prettier-ignore
  [/^\/stations\/([^/]+)$/, (id) => stations.find((one) => one.id === id)],
  [/^\/stations\/([^/]+)\/evses$/, (id) => ({ items: evses.get(id) })],
  [/^\/stations\/([^/]+)\/messages$/, (id, query) => page(messagesOf(stations.find((one) => one.id === id)!).filter((one) => matches(query, one.action + one.payload)), query)], // prettier-ignore
  [/^\/sessions$/, (_, query) => page(sessions.filter((one) => matches(query, one.station_name) && (!query.get("station") || one.station_id === query.get("station")) && (query.get("state") === "in_error" ? one.problems.length > 0 : query.get("state") === "ended" ? one.ended_at : query.get("state") === "running" ? !one.ended_at : true)), query)], // prettier-ignore
  [/^\/sessions\/([^/]+)$/, (id) => sessions.find((one) => one.id === id)],
  [
    /^\/sessions\/([^/]+)\/readings$/,
    (id) => ({ items: readingsOf(sessions.find((one) => one.id === id)!) }),
  ],
  [
    /^\/tokens$/,
    (_, query) =>
      page(
        tokens.filter((one) => matches(query, `${one.label} ${one.last4}`)),
        query,
      ),
  ],
  [/^\/operations$/, (_, query) => page(operations.filter((one) => (!query.get("station") || one.station_id === query.get("station")) && (!query.get("status") || one.status === query.get("status"))), query)], // prettier-ignore
  [/^\/approvals$/, (_, query) => page(newcomers, query)],
  [/^\/handshakes$/, (_, query) => page(stumbles, query)],
  [
    /^\/sites$/,
    (_, query) =>
      page(
        STREETS.map((street, at) => ({ id: `site${at}`, name: `Quartier ${street}` })),
        query,
      ),
  ],
];

const answer: Connect.NextHandleFunction = (request: IncomingMessage, response: ServerResponse, next) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://here");
  if (!pathname.startsWith("/api/v1/")) return next();
  const path = pathname.slice("/api/v1".length);
  if (path === "/live") return stream(response);
  const found = answers.flatMap(([pattern, make]) => (pattern.exec(path) ? [make(pattern.exec(path)![1] ?? "", searchParams)] : []))[0]; // prettier-ignore
  response.setHeader("Content-Type", "application/json");
  if (request.method !== "GET") response.end(JSON.stringify(operation(0)));
  else if (found) response.end(JSON.stringify(found));
  else {
    response.statusCode = 404;
    response.end(JSON.stringify({ code: "not_found", detail: `There is no ${path}.` }));
  }
};

export function pretend(): Plugin {
  return {
    name: "gridlane-pretend",
    configureServer: (server) => void server.middlewares.use(answer),
    configurePreviewServer: (server) => void server.middlewares.use(answer),
  };
}
