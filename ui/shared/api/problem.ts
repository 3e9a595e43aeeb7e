/** What went wrong with a request, as the API says it (RFC 9457 problem+json) or as the network left it. */

export interface FieldProblem {
  /** Path of the field: `tariff.elements.0.price`. */
  field: string;
  message: string;
}

export class Problem extends Error {
  override readonly name = "Problem";

  constructor(
    /** Stable name of the refusal, or `unreachable`, `unexpected`, `invalid`. */
    readonly code: string,
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    /** One sentence a person can act on. */
    sentence: string,
    readonly fields: readonly FieldProblem[] = [],
  ) {
    super(sentence);
  }

  get signedOut(): boolean {
    return this.status === 401;
  }

  field(name: string): string | undefined {
    return this.fields.find(({ field }) => field === name)?.message;
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem("unexpected", 0, error instanceof Error ? error.message : String(error));
}

/** Reads the problem out of an answer that is none of 2xx. */
export async function problemOf(answer: Response): Promise<Problem> {
  const body: unknown = await answer.json().catch(() => null);
  if (!isRecord(body)) return new Problem("unexpected", answer.status, answer.statusText);
  const sentence = text(body["detail"]) ?? text(body["title"]) ?? answer.statusText;
  const code = text(body["code"]) ?? text(body["type"]) ?? "unexpected";
  return new Problem(code, answer.status, sentence, fieldsOf(body));
}

/** `problems` maps a field's path to its sentence, at the top or among the details of a refusal. */
function fieldsOf(body: Record<string, unknown>): FieldProblem[] {
  const details = isRecord(body["details"]) ? body["details"] : {};
  const problems = isRecord(body["problems"]) ? body["problems"] : details["problems"];
  if (!isRecord(problems)) return [];
  return Object.entries(problems).map(([field, message]) => ({ field, message: String(message) }));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
