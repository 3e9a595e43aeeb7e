/** A driver's vehicles: what they are, and what a charge of them needs. */
import { energy, power } from "$shared/format";

export interface Vehicle {
  id: string;
  /** Whose it is; null: a pool car of a fleet one drives for. */
  person_id: string | null;
  name: string;
  plate: string;
  model: string;
  /** Usable, Wh. */
  battery: number | null;
  /** W */
  ac_power: number | null;
  ac_phases: 1 | 2 | 3 | null;
  /** W */
  dc_power: number | null;
  /** Address of its charging controller, 12 hexadecimal digits. */
  evccid: string | null;
}

/** "Ioniq 5 · 74.0 kWh · AC 11.0 kW · DC 220 kW". */
export function factsOf({ model, battery, ac_power, dc_power }: Vehicle): string {
  const facts = [
    model,
    battery ? energy(battery) : "",
    ac_power ? `AC ${power(ac_power)}` : "",
    dc_power ? `DC ${power(dc_power)}` : "",
  ];
  return facts.filter(Boolean).join(" · ");
}

/** Energy in whole kWh from one state of the battery to another (per cent); at least 1. */
export function kilowattHoursBetween(battery: number, from: number, to: number): number {
  return Math.max(1, Math.round((battery / 1000) * Math.max(0, to - from) * 0.01));
}
