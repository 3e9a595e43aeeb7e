/** What the console is made of: the entries of its navigation, in the order of an operator's day. */
import ChartLine from "@lucide/svelte/icons/chart-line";
import CreditCard from "@lucide/svelte/icons/credit-card";
import EvCharger from "@lucide/svelte/icons/ev-charger";
import LayoutDashboard from "@lucide/svelte/icons/layout-dashboard";
import LifeBuoy from "@lucide/svelte/icons/life-buoy";
import ListChecks from "@lucide/svelte/icons/list-checks";
import PlugZap from "@lucide/svelte/icons/plug-zap";
import BadgePercent from "@lucide/svelte/icons/badge-percent";
import Handshake from "@lucide/svelte/icons/handshake";
import Banknote from "@lucide/svelte/icons/banknote";
import Building2 from "@lucide/svelte/icons/building-2";
import Rocket from "@lucide/svelte/icons/rocket";
import MapPinPlus from "@lucide/svelte/icons/map-pin-plus";
import MapPin from "@lucide/svelte/icons/map-pin";
import Siren from "@lucide/svelte/icons/siren";
import Tags from "@lucide/svelte/icons/tags";
import Users from "@lucide/svelte/icons/users";
import Truck from "@lucide/svelte/icons/truck";
import Stamp from "@lucide/svelte/icons/stamp";
import Zap from "@lucide/svelte/icons/zap";
import type { Component } from "svelte";

import { say } from "../words";

export interface Section {
  path: string;
  title: () => string;
  icon: Component<{ size?: number | string; strokeWidth?: number | string }>;
  permission: string;
}

export interface Area {
  key: "network" | "upkeep" | "customers" | "money" | "future";
  sections: readonly Section[];
}

export const areas: readonly Area[] = [
  {
    key: "network",
    sections: [
      { path: "/", title: () => say("nav.overview"), icon: LayoutDashboard, permission: "stations:read" },
      { path: "/sites", title: () => say("nav.sites"), icon: MapPin, permission: "stations:read" },
      { path: "/stations", title: () => say("nav.stations"), icon: EvCharger, permission: "stations:read" },
      { path: "/sessions", title: () => say("nav.sessions"), icon: PlugZap, permission: "sessions:read" },
      { path: "/power", title: () => say("nav.power"), icon: Zap, permission: "energy:read" },
    ],
  },
  {
    key: "upkeep",
    sections: [
      { path: "/faults", title: () => say("nav.faults"), icon: Siren, permission: "maintenance:read" },
      {
        path: "/operations",
        title: () => say("nav.operations"),
        icon: ListChecks,
        permission: "stations:read",
      },
      { path: "/campaigns", title: () => say("nav.campaigns"), icon: Rocket, permission: "maintenance:read" },
      { path: "/approvals", title: () => say("nav.approvals"), icon: Stamp, permission: "stations:write" },
    ],
  },
  {
    key: "customers",
    sections: [
      { path: "/support", title: () => say("nav.support"), icon: LifeBuoy, permission: "support:read" },
      { path: "/people", title: () => say("nav.people"), icon: Users, permission: "people:read" },
      { path: "/tokens", title: () => say("nav.tokens"), icon: CreditCard, permission: "tokens:read" },
      { path: "/fleets", title: () => say("nav.fleets"), icon: Truck, permission: "fleets:read" },
    ],
  },
  {
    key: "money",
    sections: [
      { path: "/prices", title: () => say("nav.prices"), icon: Tags, permission: "prices:read" },
      { path: "/offers", title: () => say("nav.offers"), icon: BadgePercent, permission: "prices:read" },
      { path: "/money", title: () => say("nav.money"), icon: Banknote, permission: "money:read" },
      { path: "/contracts", title: () => say("nav.contracts"), icon: Handshake, permission: "money:read" },
    ],
  },
  {
    key: "future",
    sections: [
      { path: "/insight", title: () => say("nav.insight"), icon: ChartLine, permission: "reports:read" },
      { path: "/planner", title: () => say("nav.planner"), icon: MapPinPlus, permission: "planning:read" },
      { path: "/organization", title: () => say("nav.organization"), icon: Building2, permission: "organization:read" }, // prettier-ignore
    ],
  },
];

export const sections: readonly Section[] = areas.flatMap((area) => area.sections);

/** Whether `path` lies in this section. */
export function within(section: Section, path: string): boolean {
  return section.path === "/" ? path === "/" : path === section.path || path.startsWith(`${section.path}/`);
}
