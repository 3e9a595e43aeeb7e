/** Where the account leads to, in the order of how often one goes there. */
import Bell from "@lucide/svelte/icons/bell";
import BellRing from "@lucide/svelte/icons/bell-ring";
import Car from "@lucide/svelte/icons/car";
import CreditCard from "@lucide/svelte/icons/credit-card";
import FileLock from "@lucide/svelte/icons/file-lock";
import LifeBuoy from "@lucide/svelte/icons/life-buoy";
import MonitorSmartphone from "@lucide/svelte/icons/monitor-smartphone";
import ReceiptText from "@lucide/svelte/icons/receipt-text";
import ShieldCheck from "@lucide/svelte/icons/shield-check";
import Ticket from "@lucide/svelte/icons/ticket";
import WalletCards from "@lucide/svelte/icons/wallet";
import type { Component } from "svelte";

import { say } from "../words";

export interface AccountPage {
  path: string;
  title: () => string;
  icon: Component<{ size?: number | string; strokeWidth?: number | string }>;
}

export const accountPages: readonly { title: () => string; pages: readonly AccountPage[] }[] = [
  {
    title: () => say("account.group_charging"),
    pages: [
      { path: "/wallet", title: () => say("account.wallet"), icon: WalletCards },
      { path: "/vehicles", title: () => say("car.title"), icon: Car },
      { path: "/cards", title: () => say("account.cards"), icon: CreditCard },
      { path: "/plans", title: () => say("plan.title"), icon: Ticket },
      { path: "/billing", title: () => say("billing.title"), icon: ReceiptText },
    ],
  },
  {
    title: () => say("account.group_contact"),
    pages: [
      { path: "/inbox", title: () => say("account.inbox"), icon: BellRing },
      { path: "/help", title: () => say("account.help"), icon: LifeBuoy },
      { path: "/notifications", title: () => say("account.notifications"), icon: Bell },
    ],
  },
  {
    title: () => say("account.group_account"),
    pages: [
      { path: "/account/security", title: () => say("security.title"), icon: ShieldCheck },
      { path: "/account/devices", title: () => say("device.title"), icon: MonitorSmartphone },
      { path: "/account/privacy", title: () => say("privacy.title"), icon: FileLock },
    ],
  },
];
