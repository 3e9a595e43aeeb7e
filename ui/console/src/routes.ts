/** Every page of the console and its address. */
import type { Route } from "$shared/route/router.svelte";

export const routes: readonly Route[] = [
  { path: "/", load: () => import("./overview/Overview.svelte") },
  { path: "/sites", load: () => import("./sites/SiteList.svelte") },
  { path: "/sites/:id", load: () => import("./sites/SitePage.svelte") },
  { path: "/stations", load: () => import("./stations/StationList.svelte") },
  { path: "/stations/:id", load: () => import("./stations/StationPage.svelte") },
  { path: "/sessions", load: () => import("./sessions/SessionList.svelte") },
  { path: "/sessions/:id", load: () => import("./sessions/SessionPage.svelte") },
  { path: "/faults", load: () => import("./faults/FaultList.svelte") },
  { path: "/faults/:id", load: () => import("./faults/FaultPage.svelte") },
  { path: "/approvals", load: () => import("./approvals/Approvals.svelte") },
  { path: "/operations", load: () => import("./operations/OperationList.svelte") },
  { path: "/prices", load: () => import("./prices/PriceList.svelte") },
  { path: "/prices/:id", load: () => import("./prices/TariffPage.svelte") },
  { path: "/campaigns", load: () => import("./campaigns/CampaignsPage.svelte") },
  { path: "/campaigns/:id", load: () => import("./campaigns/CampaignPage.svelte") },
  { path: "/insight", load: () => import("./insight/InsightPage.svelte") },
  { path: "/money", load: () => import("./money/MoneyPage.svelte") },
  { path: "/support", load: () => import("./support/SupportPage.svelte") },
  { path: "/support/:id", load: () => import("./support/CasePage.svelte") },
  { path: "/tokens", load: () => import("./tokens/TokenList.svelte") },
  { path: "/people", load: () => import("./people/PeoplePage.svelte") },
  { path: "/fleets", load: () => import("./fleets/FleetList.svelte") },
  { path: "/fleets/:id", load: () => import("./fleets/FleetPage.svelte") },
  { path: "/organization", load: () => import("./organization/OrganizationPage.svelte") },
];
