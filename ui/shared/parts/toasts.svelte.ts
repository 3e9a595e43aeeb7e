/** Short words at the edge of the screen: what was done, or why it was not. */
import { asProblem } from "../api/problem";
import { say } from "../words";

export interface Toast {
  id: number;
  tone: "free" | "fault" | "plain";
  sentence: string;
}

const SHOWN_FOR = 6000;

class Toasts {
  shown = $state<Toast[]>([]);
  #last = 0;

  tell(sentence: string, tone: Toast["tone"] = "plain"): void {
    const toast = { id: ++this.#last, tone, sentence };
    this.shown.push(toast);
    if (tone !== "fault") setTimeout(() => this.dismiss(toast.id), SHOWN_FOR);
  }

  done(sentence: string): void {
    this.tell(sentence, "free");
  }

  failed(error: unknown): void {
    this.tell(sentenceOf(error), "fault");
  }

  dismiss(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();

/** The sentence for a problem: our own words where the network failed, else the API's. */
export function sentenceOf(error: unknown): string {
  const problem = asProblem(error);
  if (problem.code === "unreachable") return say("problem.unreachable");
  if (problem.status >= 500) return say("problem.server", { status: problem.status });
  if (problem.status === 403 && !problem.message) return say("problem.forbidden");
  return problem.message || say("problem.unexpected");
}
