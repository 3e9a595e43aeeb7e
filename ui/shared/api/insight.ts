/** Figures as the API tells them: Wh, s, W; money as decimal strings. */

export interface Starts {
  attempts: number;
  first_time: number;
  later: number;
  refused: number;
  share: number | null;
}

export interface WasteSums {
  standby: number;
  conversion: number;
  idle: number;
  curtailed: number;
  idle_time: number;
  lost: string;
}

export interface Figures {
  energy: number;
  sessions: number;
  occupied: number;
  charging: number;
  peak_power: number | null;
  evses: number;
  /** EVSE-seconds */
  observed: number;
  utilisation: number | null;
  uptime: number | null;
  currency: string;
  revenue: string;
  cost: string;
  profit: string;
  starts: Starts;
  waste: WasteSums;
  carbon: number;
  carbon_spared: number;
}

export interface FiguresOfDays {
  since: string;
  until: string;
  figures: Figures;
  before: Figures;
}

export interface CourseStep {
  /** A day, or an hour of the sites' clocks without a zone. */
  at: string;
  energy: number;
  sessions: number;
  occupied: number;
  charging: number;
  revenue: string;
}

export interface PlaceFigures {
  id: string;
  name: string;
  energy: number;
  sessions: number;
  occupied: number;
  charging: number;
  uptime: number | null;
  utilisation: number | null;
}

export interface SiteWaste extends WasteSums {
  site_id: string | null;
  name: string;
}

export interface SavingAction {
  kind: "sleep" | "idle_fee" | "raise_limit";
  site_id: string | null;
  name: string;
  energy: number;
  saves: string;
  currency: string;
}

export interface UptimeSums {
  observed: number;
  outage: number;
  excluded: number;
  outages: number;
  share: number | null;
}

export interface EvseUptime extends UptimeSums {
  evse_id: string;
  number: number;
  public_id: string | null;
  station_id: string;
  station: string;
  site_id: string | null;
  site: string | null;
  max_power: number | null;
}

export interface UptimeReport {
  rule: "nevi" | "uk";
  goal: number;
  network: UptimeSums;
  evses: EvseUptime[];
}

export interface ExcludedDowntime {
  id: string;
  site_id: string | null;
  station_id: string | null;
  since: string;
  until: string;
  reason: string;
  evidence: string;
  created_by: string;
}

export interface ReportSchedule {
  id: string;
  kind: string;
  format: string;
  every: string;
  recipients: string[];
  next_at: string;
}

export interface MadeReport {
  id: string;
  name: string;
  kind: string;
  made_at: string;
  mailed: string | null;
}
