/** Driver groups and fleets, as the API tells them. */
export interface DriverGroup {
  id: string;
  name: string;
  kind: "group" | "fleet";
  rank: number;
  priority: number;
  note: string;
  members: number;
}

export interface Member {
  id: string;
  name: string;
  email: string;
  is_manager: boolean;
  since: string;
}

export interface Vehicle {
  id: string;
  person_id: string | null;
  name: string;
  plate: string;
  model: string;
  battery: number | null;
  ac_power: number | null;
  ac_phases: 1 | 2 | 3 | null;
  dc_power: number | null;
}

export interface FleetMonth {
  items: { id: string; started_at: string; energy: number | null; driver: string; site: string | null; gross: string | null; currency: string | null }[]; // prettier-ignore
  drivers: { person_id: string; driver: string; sessions: number; energy: number; gross: string }[];
}

/** The calendar month of a day, as `2026-11`. */
export function monthOf(day: Date): string {
  return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, "0")}`;
}
