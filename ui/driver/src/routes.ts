/** Every page of the app and its address. */
import type { Route } from "$shared/route/router.svelte";

export const routes: readonly Route[] = [
  { path: "/", load: () => import("./finding/Finding.svelte") },
  { path: "/places/:id", load: () => import("./finding/PlacePage.svelte") },
  { path: "/charge", load: () => import("./charging/ByNumber.svelte") },
  { path: "/charge/:plug", load: () => import("./charging/PlugPage.svelte") },
  { path: "/charges/:id", load: () => import("./charging/ChargePage.svelte") },
  { path: "/activity", load: () => import("./activity/Activity.svelte") },
  { path: "/welcome", load: () => import("./account/WelcomePage.svelte") },
  { path: "/help", load: () => import("./help/HelpPage.svelte") },
  { path: "/help/:id", load: () => import("./help/HelpCase.svelte") },
  { path: "/wallet", load: () => import("./wallet/Wallet.svelte") },
  { path: "/cards", load: () => import("./wallet/Cards.svelte") },
  { path: "/inbox", load: () => import("./help/Inbox.svelte") },
  { path: "/notifications", load: () => import("./help/Notifications.svelte") },
  { path: "/vehicles", load: () => import("./vehicles/Vehicles.svelte") },
  { path: "/plans", load: () => import("./plans/Plans.svelte") },
  { path: "/billing", load: () => import("./account/BillingPage.svelte") },
  { path: "/account/devices", load: () => import("./account/DevicesPage.svelte") },
  { path: "/account/privacy", load: () => import("./account/PrivacyPage.svelte") },
  { path: "/account/security", load: () => import("./account/SecurityPage.svelte") },
  { path: "/account", load: () => import("./account/AccountPage.svelte") },
];
