/**
 * A pretended Gridlane for working on the screens without a server: `GRIDLANE_PRETEND=1 npm run dev`.
 * Never part of a build. Seeded, so that two looks at a page show the same.
 */
import type { IncomingMessage, ServerResponse } from "node:http";

import type { Connect, Plugin } from "vite";

import type { ConnectorStatus, Evse, EvseState, LiveStation, Message, Operation, Reading, Session, SessionEvent, Site, Station, Token } from "../shared/api/model.ts"; // prettier-ignore
import { officeAnswers } from "./pretended-office.ts";
import { driverAnswers } from "./pretended-places.ts";

const COUNT = Number(process.env["GRIDLANE_PRETEND_STATIONS"] ?? 320);
const PERMISSIONS = ["stations:read", "stations:write", "stations:operate", "stations:expert", "messages:read", "sessions:read", "sessions:write", "tokens:read", "tokens:write", "maintenance:read", "energy:read", "prices:read", "prices:write", "organization:read", "organization:write", "audit:read", "people:read", "planning:read", "reports:read"]; // prettier-ignore
const STREETS = ["Sonnenallee", "Karl-Marx-Straße", "Torstraße", "Kantstraße", "Müllerstraße", "Schönhauser Allee", "Bergmannstraße", "Potsdamer Straße", "Frankfurter Allee", "Kurfürstendamm", "Oranienstraße", "Warschauer Straße"]; // prettier-ignore
const MODELS = [["ABB", "Terra 54"], ["Alfen", "Eve Double Pro"], ["Compleo", "Duo ims"], ["Kempower", "S-Series"], ["Mennekes", "Amtron 4Business"]] as const; // prettier-ignore

let seed = 7;
function random(): number {
  seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296;
  return seed / 4_294_967_296;
}
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toISOString();

const sites: Site[] = Array.from({ length: Math.ceil(COUNT / 2) }, (_, at) => site(at));
const stations: Station[] = Array.from({ length: COUNT }, (_, at) => station(at));
const evses = new Map(stations.map((one) => [one.id, evsesOf(one)]));
const sessions: Session[] = stations.flatMap((one) => (one.connectors[0]!.status === "charging" && one.connected ? [session(one, true)] : [])); // prettier-ignore
for (let at = 0; at < 140; at++) sessions.push(session(pick(stations), false));
const tokens: Token[] = Array.from({ length: 34 }, (_, at) => token(at));
const operations: Operation[] = Array.from({ length: 26 }, (_, at) => operation(at));

function site(at: number): Site {
  return {
    id: `site${at}`,
    name: `${pick(STREETS)} ${1 + Math.floor(random() * 180)}`,
    address: pick(STREETS),
    city: "Berlin",
    postal_code: String(10_115 + at),
    country: "DE",
    latitude: 52.51 + (random() + random() - 1) * 0.1,
    longitude: 13.4 + (random() + random() - 1) * 0.22,
    time_zone: "Europe/Berlin",
    public: true,
    details: {},
  };
}

function station(at: number): Station {
  const status = at === 4 ? "faulted" : pick<ConnectorStatus>(["available", "available", "available", "charging", "charging", "charging", "suspended_ev", "reserved", "unavailable", "faulted"]); // prettier-ignore
  const [vendor, model] = pick(MODELS);
  const connected = random() > 0.06 || at === 4;
  const where = sites[at >> 1]!;
  const plug = (evse: number, its: ConnectorStatus) => ({ evse, number: 1, kind: pick(["IEC_62196_T2", "IEC_62196_T2_COMBO"]), status: its, status_at: ago(random() * 9000), error: its === "faulted" ? "GroundFailure" : null }); // prettier-ignore
  return {
    id: `s${at}`,
    identity: `DE-GL-${String(1000 + at)}`,
    name: `${where.name} / ${1 + (at % 2)}`,
    site_id: where.id,
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
    connectors: at % 2 ? [plug(1, status), plug(2, "available")] : [plug(1, status)],
  };
}

function evsesOf(of: Station): Evse[] {
  return of.connectors.map((plug) => ({
    id: `${of.id}-${plug.evse}`,
    number: plug.evse,
    public_id: `DE*GDL*E${of.id}*${plug.evse}`,
    label: plug.evse === 1 ? "left bay" : null,
    phases: 3,
    max_power: plug.kind === "IEC_62196_T2" ? 22_000 : 150_000,
    connectors: [{ ...plug, id: `${of.id}-${plug.evse}-1`, max_current: 32, operative: true }],
  }));
}

function session(of: Station, running: boolean): Session {
  const length = 600 + random() * 9000;
  const start = running ? length : length + random() * 600_000;
  return {
    id: `c${of.id}${running ? "r" : Math.floor(random() * 1e6)}`,
    site_id: of.site_id,
    station_id: of.id,
    transaction_id: String(Math.floor(random() * 1e6)),
    status: running ? "active" : "ended",
    evse: 1,
    connector: 1,
    started_at: ago(start),
    ended_at: running ? null : ago(start - length),
    presumed_end: null,
    stop_reason: running ? null : pick(["EVDisconnected", "Local", "Remote"]),
    closed_by: null,
    refused: false,
    verdict: "Accepted",
    token_last4: String(Math.floor(1000 + random() * 8999)),
    token_kind: "ISO14443",
    offline: false,
    energy: length * (2 + random() * 8),
    power: running ? 3000 + random() * 60_000 : null,
    soc: running ? Math.round(20 + random() * 70) : null,
    charging_state: running ? pick(["Charging", "Charging", "Charging", "SuspendedEV"]) : "Idle",
    approved_energy: null,
    reviewed_by: null,
    missing_events: 0,
    clock_offset: 0.4,
    reservation_id: null,
    flags: !running && random() > 0.9 ? ["register_jumped"] : [],
    held: false,
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
      power_offered: part < 0.3 ? 51_000 : 47_000,
      current: phase * 1.02,
      current_l1: phase,
      current_l2: phase * 0.97,
      current_l3: phase * 1.02,
      voltage: 230,
      soc: 22 + 60 * part,
      temperature: null,
    };
  });
}

function eventsOf(of: Session): SessionEvent[] {
  const event = (phase: SessionEvent["phase"], sequence: number, at: string, trigger: string): SessionEvent => ({ phase, digest: `${phase}${sequence}`, sequence, at, received_at: at, trigger, charging_state: "Charging", stopped_reason: null, offline: false, token_last4: phase === "started" ? of.token_last4 : null }); // prettier-ignore
  const told = [
    event("started", 0, of.started_at, "Authorized"),
    event("updated", 1, of.started_at, "CablePluggedIn"),
  ];
  return of.ended_at ? [...told, { ...event("ended", 2, of.ended_at, "EVDeparted"), stopped_reason: of.stop_reason }] : told; // prettier-ignore
}

function token(at: number): Token {
  return {
    id: `t${at}`,
    kind: pick(["ISO14443", "ISO14443", "Central", "eMAID"]),
    name: pick(["Anna Weber", "Fleet 12", "Service card", "Jonas Klein", ""]),
    last4: String(Math.floor(1000 + random() * 8999)),
    group_id: pick([null, null, "Fleet North"]),
    status: random() > 0.88 ? "blocked" : "active",
    valid_from: null,
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
    kind: pick(["reset", "unlock", "trigger", "set_charging_profile", "get_log", "change_availability"]),
    status,
    batch_id: null,
    actor: pick(["Mara Lindt", "playbook", "Ole Hansen"]),
    reason: null,
    created_at: ago(20 + at * 700),
    not_before: ago(20 + at * 700),
    expires_at: ago(-600),
    sent_at: ago(19 + at * 700),
    answered_at: ago(18 + at * 700),
    ended_at: status === "agreed" ? null : ago(6 + at * 700),
    answer: "{}",
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
  const where = sites.find(({ id }) => id === of.site_id)!;
  const states = (plug: ConnectorStatus): EvseState => (!of.connected ? "offline" : plug === "available" || plug === "reserved" || plug === "unavailable" || plug === "faulted" ? plug : "occupied"); // prettier-ignore
  return {
    id: of.id,
    name: of.name,
    site_id: of.site_id,
    site: where.name,
    model: of.model,
    connected: of.connected,
    approval: of.approval,
    latitude: where.latitude,
    longitude: where.longitude,
    evses: Object.fromEntries(
      of.connectors.map(({ evse, status, error }) => [evse, { state: states(status), error }]),
    ),
    sessions: sessions.filter((one) => one.station_id === of.id && !one.ended_at),
  };
}

function stream(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  const tell = (event: string, of: readonly Station[]): void => {
    const told = Object.fromEntries(of.map((one) => [one.id, live(one)]));
    response.write(`event: ${event}\ndata: ${JSON.stringify({ stations: told })}\n\n`);
  };
  tell("snapshot", stations);
  const timer = setInterval(() => {
    const touched = Array.from({ length: 6 }, () => pick(stations));
    for (const one of sessions) if (one.power && touched.some(({ id }) => id === one.station_id)) one.power *= 0.9 + Math.random() * 0.2; // prettier-ignore
    tell("diff", touched);
  }, 1000);
  response.on("close", () => clearInterval(timer));
}

const newcomers = Array.from({ length: 3 }, (_, at) => ({ ...station(at), id: `new${at}`, identity: `CP-NEW-${at}`, approval: "pending" as const })); // prettier-ignore
const stumbles = ["wrong_password", "unknown_station", "tls", "no_subprotocol"].map((reason_code, at) => ({ id: `h${at}`, at: ago(60 + at * 300), identity: `CP-${at}`, address: `10.9.8.${at}`, count: 1 + at * 4, reason_code, sentence: "The password is wrong: enter it anew in the station, or set a new one." })); // prettier-ignore

type Answerer = (id: string, query: URLSearchParams) => unknown;
const page = (items: unknown[], query: URLSearchParams): unknown => {
  const from = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  return {
    items: items.slice(from, from + limit),
    next: from + limit < items.length ? String(from + limit) : null,
  };
};
const matches = (query: URLSearchParams, text: string): boolean => text.toLowerCase().includes((query.get("search") ?? "").toLowerCase()); // prettier-ignore
const holds = (query: URLSearchParams, one: object): boolean =>
  [...query].every(([name, value]) => !(name in one) || String(one[name as keyof typeof one]) === value);

const answers: readonly (readonly [RegExp, Answerer])[] = [
  [/^\/me$/, () => ({ kind: "person", name: "Mara Lindt", organization: { id: "o", name: "Stadtwerke Muster", currency: "EUR", time_zone: "Europe/Berlin" }, permissions: PERMISSIONS })], // prettier-ignore
  [/^\/stations$/, (_, query) => page(stations.filter((one) => matches(query, one.name + one.identity) && holds(query, one)), query)], // prettier-ignore
  [/^\/stations\/([^/]+)$/, (id) => stations.find((one) => one.id === id)],
  [/^\/stations\/([^/]+)\/evses$/, (id) => ({ items: evses.get(id) })],
  [/^\/stations\/([^/]+)\/messages$/, (id, query) => page(messagesOf(stations.find((one) => one.id === id)!).filter((one) => matches(query, one.action + one.payload)), query)], // prettier-ignore
  [
    /^\/sessions$/,
    (_, query) =>
      page(
        sessions.filter((one) => holds(query, one)),
        query,
      ),
  ],
  [/^\/sessions\/([^/]+)$/, (id) => sessions.find((one) => one.id === id)],
  [
    /^\/sessions\/([^/]+)\/readings$/,
    (id) => ({ items: readingsOf(sessions.find((one) => one.id === id)!) }),
  ],
  [
    /^\/tokens$/,
    (_, query) =>
      page(
        tokens.filter((one) => matches(query, one.name + one.last4)),
        query,
      ),
  ],
  [
    /^\/operations$/,
    (_, query) =>
      page(
        operations.filter((one) => holds(query, one)),
        query,
      ),
  ],
  [/^\/approvals$/, () => ({ items: newcomers })],
  [/^\/handshakes$/, () => ({ items: stumbles })],
  ...driverAnswers(sites, stations, sessions),
  [/^\/sessions\/([^/]+)\/events$/, (id) => ({ items: eventsOf(sessions.find((one) => one.id === id)!) })],
  ...officeAnswers,
  [/^\/sites\/([^/]+)$/, (id) => sites.find((one) => one.id === id)],
  [/^\/sites$/, (_, query) => page(sites, query)],
];

const answer: Connect.NextHandleFunction = (request: IncomingMessage, response: ServerResponse, next) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://here");
  if (!pathname.startsWith("/api/v1/")) return next();
  const path = pathname.slice("/api/v1".length);
  if (path === "/live") return stream(response);
  const found = answers.flatMap(([pattern, make]) => {
    const hit = pattern.exec(path);
    return hit ? [make(hit[1] ?? "", searchParams)] : [];
  })[0];
  response.setHeader("Content-Type", "application/json");
  if (request.method !== "GET" && !found) response.end(JSON.stringify(operation(0)));
  else if (found) response.end(JSON.stringify(found));
  else {
    response.statusCode = 404;
    response.end(JSON.stringify({ code: "not_found", title: `There is no ${path}.` }));
  }
};

export function pretend(): Plugin {
  return {
    name: "gridlane-pretend",
    configureServer: (server) => void server.middlewares.use(answer),
    configurePreviewServer: (server) => void server.middlewares.use(answer),
  };
}
