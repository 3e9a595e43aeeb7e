/** Prices and the organization, pretended: a few tariffs, keys and entries to look at. */
import type { ApiKey, AuditEntry, SignedInDevice } from "../shared/api/model.ts";
import type { Assignments, Priced, Tariff, TariffVersion, Week } from "../shared/api/prices.ts";

type Answers = readonly (readonly [RegExp, (id: string, query: URLSearchParams) => unknown])[];

const at = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

const tariffs: Tariff[] = ["Berlin standard", "Night owl", "Fleet North", "Guests"].map((name, n) => ({
  id: `tariff${n}`,
  name,
  currency: "EUR",
  created_at: at(-90 + n),
  archived_at: null,
}));

const version: TariffVersion = {
  id: "v1",
  tariff_id: "tariff0",
  valid_from: at(-20),
  warnings: [],
  tariff: {
    currency: "EUR",
    tax_included: "YES",
    idle_grace: 900,
    elements: [
      {
        name: "Night",
        price_components: [{ type: "ENERGY", price: 0.39, vat: 19 }],
        restrictions: { start_time: "22:00", end_time: "06:00" },
      },
      {
        name: "Day",
        price_components: [
          { type: "ENERGY", price: 0.52, vat: 19 },
          { type: "PARKING_TIME", price: 6, vat: 19, step_size: 60 },
        ],
      },
    ],
  },
};

function assignment(id: string, tariff: string, site: string | null, guests: boolean) {
  return { id, tariff_id: tariff, valid_from: at(-20), valid_until: null, site_id: site, station_id: null, group_id: null, for_guests: guests }; // prettier-ignore
}
const given = [assignment("a1", "tariff0", null, false), assignment("a2", "tariff3", null, true), assignment("a3", "tariff1", "site3", false)]; // prettier-ignore
const assignments: Assignments = { items: given, overlaps: [] };

const priced: Priced = {
  lines: [
    { reason: "18:00-22:00 Day, 22.4 kWh x 0.52", amount: "11.65", dimension: "ENERGY" },
    { reason: "22:00-23:10 Night, 7.6 kWh x 0.39", amount: "2.96", dimension: "ENERGY" },
  ],
  net: "12.28",
  tax: "2.33",
  gross: "14.61",
  currency: "EUR",
};

function week(): Week {
  const monday = new Date();
  monday.setHours(0, 0, 0, 0);
  monday.setDate(monday.getDate() - ((monday.getDay() + 6) % 7));
  const hour = (n: number): string => new Date(monday.getTime() + n * 3_600_000).toISOString();
  const days = Array.from({ length: 7 }, (_, day) => day * 24);
  const point = (n: number, price: string) => ({ since: hour(n), before_taxes: price, after_taxes: price });
  const ENERGY = days.flatMap((day) => [point(day, "0.39"), point(day + 6, "0.52"), point(day + 22, "0.39")]);
  return { ENERGY, TIME: [], PARKING_TIME: [point(0, "6")], FLAT: [] };
}

const keys: ApiKey[] = [{ id: "k1", name: "Building management", hint: "9f3a", permissions: ["stations:read", "energy:read"], created_by: "Mara Lindt", created_at: at(-9), expires_at: at(80) }]; // prettier-ignore
const audit: AuditEntry[] = Array.from({ length: 12 }, (_, n) => ({
  id: `e${n}`,
  at: at(-n / 5),
  actor_kind: "person",
  actor: "Mara Lindt",
  action: ["station.changed", "tariff.published", "api_key.created"][n % 3]!,
  object_id: `s${n}`,
  reason: n % 4 === 0 ? "asked by the host" : null,
  before: JSON.stringify({ name: "Old name", security_profile: 1 }),
  after: JSON.stringify({ name: "New name", security_profile: 1 }),
}));
const devices: SignedInDevice[] = [{ id: "d1", created_at: at(-3), last_seen_at: at(0), address: "10.0.0.7", user_agent: "Firefox on Linux", is_this: true }]; // prettier-ignore

export const officeAnswers: Answers = [
  [/^\/tariffs$/, () => ({ items: tariffs, next: null })],
  [/^\/tariffs\/preview$/, () => priced],
  [/^\/tariffs\/week$/, week],
  [/^\/tariffs\/([^/]+)\/versions$/, () => ({ items: [version] })],
  [/^\/tariff-assignments$/, () => assignments],
  [/^\/api-keys$/, () => ({ items: keys })],
  [/^\/audit$/, () => ({ items: audit, next: null })],
  [/^\/me\/sessions$/, () => ({ items: devices })],
];
