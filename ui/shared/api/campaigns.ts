/** Firmware campaigns, configuration templates and batches as the API tells them. */

export type CampaignState = "running" | "paused" | "done" | "aborted";
export type TargetState = "waiting" | "asked" | "installed" | "done" | "failed";

export interface Campaign {
  id: string;
  name: string;
  state: CampaignState;
  why: string;
  location: string;
  version: string | null;
  signed: boolean;
  created_by: string;
  created_at: string;
  stations?: Partial<Record<TargetState, number>>;
}

export interface CampaignTarget {
  station_id: string;
  name: string;
  wave: number;
  state: TargetState;
  since: string;
  evidence: string;
  firmware_before: string | null;
  firmware: string | null;
  firmware_status: string | null;
  connected: boolean;
}

export interface CampaignWhole extends Campaign {
  targets: CampaignTarget[];
}

export interface Setting {
  component: string;
  variable: string;
  value: string;
}

export interface Template {
  id: string;
  name: string;
  repairs: boolean;
  model: string | null;
  vendor: string | null;
  protocol: string | null;
  settings: Setting[];
}

export interface DriftedStation {
  station_id: string;
  station: string;
  connected: boolean;
  differences: { setting: Setting; found: string | null }[];
}

export interface Batch {
  id: string;
  kind: string;
  actor: string;
  reason: string | null;
  created_at: string;
  states: Record<string, number>;
}
