/** Who holds the phone; much can be done by nobody in particular. */
import { api } from "$shared/api/client";
import type { Me } from "$shared/api/model";

import { push } from "./help/push.svelte";

class Account {
  me = $state.raw<Me | null>(null);
  known = $state(false);

  async recognise(): Promise<void> {
    this.me = await api.get<Me>("/me").catch(() => null);
    this.known = true;
  }

  async signOut(): Promise<void> {
    await push.turnOff().catch(() => undefined); // whoever signs in next is not told of this person's news
    await api.post("/sign-out");
    this.me = null;
  }

  lost(): void {
    this.me = null;
  }
}

export const account = new Account();
