/** Who sits at the console, and what they may do. */
import { api } from "$shared/api/client";
import type { Me } from "$shared/api/model";
import { asProblem, type Problem } from "$shared/api/problem";

class Account {
  me = $state.raw<Me | null>(null);
  /** False until the API has said who asks. */
  known = $state(false);
  problem = $state.raw<Problem | null>(null);

  async recognise(): Promise<void> {
    try {
      this.me = await api.get<Me>("/me");
      this.problem = null;
    } catch (error) {
      const problem = asProblem(error);
      this.me = null;
      this.problem = problem.signedOut ? null : problem;
    }
    this.known = true;
  }

  async setUp(wish: {
    token: string;
    organization: string;
    name: string;
    email: string;
    password: string;
  }): Promise<void> {
    await api.post("/set-up", wish);
    await this.recognise();
  }

  async signOut(): Promise<void> {
    await api.post("/sign-out");
    this.me = null;
  }

  /** The session is gone: back to the door, the address stays. */
  lost(): void {
    this.me = null;
  }

  may(permission: string): boolean {
    return this.me?.permissions.includes(permission) ?? false;
  }
}

export const account = new Account();
