/** A form on its way to the API: whether it is under way, and what is wrong with which of its fields. */
import { sentenceOf } from "../parts/toasts.svelte";
import { asProblem, type Problem } from "./problem";

export class Sending {
  busy = $state(false);
  #problem = $state.raw<Problem | null>(null);
  #fields: Readonly<Record<string, string>>;

  /** `fields`: refusals that are about one field, by their code. */
  constructor(fields: Readonly<Record<string, string>> = {}) {
    this.#fields = fields;
  }

  /** Runs `act`; gives whether it went well. */
  async send(act: () => Promise<unknown>): Promise<boolean> {
    this.busy = true;
    this.#problem = null;
    try {
      await act();
      return true;
    } catch (error) {
      this.#problem = asProblem(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** What is wrong with this field, if anything. */
  at(field: string): string | undefined {
    const problem = this.#problem;
    if (!problem) return undefined;
    return this.#fields[problem.code] === field ? sentenceOf(problem) : problem.field(field);
  }

  /** What is wrong with the whole, where no field is to blame. */
  get sorry(): string | undefined {
    const problem = this.#problem;
    if (!problem || problem.fields.length > 0 || problem.code in this.#fields) return undefined;
    return sentenceOf(problem);
  }

  forget(): void {
    this.#problem = null;
  }
}
