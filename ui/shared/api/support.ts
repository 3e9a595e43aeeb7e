/** What help is made of, as the API tells it. */
import type { Tone } from "../states";

export interface TimelineLine {
  at: string;
  kind: "message" | "decision" | "payment" | "state";
  text: string;
  good: boolean | null;
}

export interface Explanation {
  code: string;
  side: "nobody" | "driver" | "car" | "station" | "network" | "payment";
  what: string;
  advice: string;
  at: string;
  place: string;
  station: string;
  station_id: string;
  evse: number | null;
  session_id: string | null;
  energy: number;
  timeline: TimelineLine[];
}

export type CaseState = "open" | "waiting" | "solved" | "merged";

export interface Entry {
  id: string;
  at: string;
  kind: "message" | "note" | "remedy" | "change";
  side: "driver" | "agent" | "system";
  author: string;
  text: string;
  is_public: boolean;
}

export interface Attachment {
  id: string;
  at: string;
  name: string;
  media_type: string;
  size: number;
}

/** A case as those who help see it. */
export interface Case {
  id: string;
  code: string;
  origin: "app" | "mail" | "phone" | "operator" | "noticed";
  state: CaseState;
  priority: number;
  escalation: number;
  title: string;
  person: string | null;
  person_id: string | null;
  contact: string | null;
  agent: string | null;
  assigned_to: string | null;
  subject_id: string | null;
  session_id: string | null;
  station_id: string | null;
  evse: number | null;
  cause: string | null;
  opened_at: string;
  changed_at: string;
  answer_by: string;
  solve_by: string;
  answered_at: string | null;
  is_late: boolean;
  merged_into: string | null;
  stars: number | null;
  stars_comment: string | null;
}

export interface WholeCase extends Case {
  entries: Entry[];
  attachments: Attachment[];
  remedies: string[];
}

/** A case as its driver sees it. */
export interface MyCase {
  id: string;
  code: string;
  state: CaseState;
  title: string;
  origin: Case["origin"];
  opened_at: string;
  changed_at: string;
  subject_id: string | null;
  stars: number | null;
  expected_by: string | null;
}

export interface MyWholeCase extends MyCase {
  entries: Entry[];
  attachments: Attachment[];
}

export interface Tried {
  kind: "start" | "session" | "card";
  subject: string | number;
  at: string;
  station: string;
  station_id: string;
  evse: number | null;
  token_last4: string | null;
  code: string;
  side: Explanation["side"];
  what: string;
  energy: number;
  session_id: string | null;
}

export interface CannedAnswer {
  id: string;
  name: string;
  language: string;
  text: string;
}

export interface News {
  id: string;
  at: string;
  topic: string;
  title: string;
  text: string;
  /** A path of the drivers' app. */
  link: string | null;
  read_at: string | null;
}

export const CASE_TONES: Record<CaseState, Tone> = {
  open: "fault",
  waiting: "waiting",
  solved: "free",
  merged: "off",
};
