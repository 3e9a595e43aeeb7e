/** How an incident is put in words: its title, its cause, its next step, where it is. */
import type { Incident } from "$shared/api/model";

import { say, sayOf } from "../words";

export function titleOf({ rule }: Pick<Incident, "rule">): string {
  return sayOf("fault", rule);
}

/** A wider cause has a next step of its own; else it is the symptom's. */
export function nextOf({ cause, rule }: Pick<Incident, "cause" | "rule">): string {
  const wider = sayOf("fault_cause_next", cause);
  return wider === cause ? sayOf("fault_next", rule) : wider;
}

export function whereOf({ at, stations }: Incident): string {
  const [first] = at;
  if (!first) return "–";
  return stations > 1 ? say("faults.where_more", { name: first.name, count: stations - 1 }) : first.name;
}

/** How long it has lasted, or lasted, in seconds. */
export function lengthOf({ started_at, resolved_at }: Incident, now: number): number {
  return ((resolved_at ? Date.parse(resolved_at) : now) - Date.parse(started_at)) / 1000;
}

/** What a step of a playbook does. The only instruction to Gridlane itself closes a session. */
export function commandOf(command: string | null): string {
  if (command === null) return say("playbooks.wait");
  return command === "instruct" ? say("session.close") : sayOf("command", command);
}
