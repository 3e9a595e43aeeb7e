/** One's own places in queues, read again while the app is open. */
import { api } from "$shared/api/client";
import type { All } from "$shared/api/model";
import type { QueuePlace } from "$shared/api/waiting";

import { account } from "../account.svelte";

const EVERY = 6_000; // milliseconds: a hold is minutes long

class Mine {
  places = $state.raw<QueuePlace[]>([]);

  /** The newest place at a site: it may have ended a moment ago. */
  at(siteId: string): QueuePlace | undefined {
    return this.places.find(({ site }) => site.id === siteId);
  }

  get waiting(): QueuePlace[] {
    return this.places.filter(
      ({ status }) => status === "waiting" || status === "held" || status === "snoozed",
    );
  }

  async load(): Promise<void> {
    if (!account.me) {
      this.places = [];
      return;
    }
    this.places = (await api.get<All<QueuePlace>>("/driver/queue")).items;
  }

  /** Reads now and again; the returned function stops. */
  follow(): () => void {
    const look = (): void => {
      if (!document.hidden) this.load().catch(() => undefined); // the next time may do better
    };
    look();
    const timer = setInterval(look, EVERY);
    return () => clearInterval(timer);
  }
}

export const mine = new Mine();
