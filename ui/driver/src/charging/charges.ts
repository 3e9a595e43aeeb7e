import type { Charge } from "$shared/api/driver";
import type { Tone } from "$shared/states";

export const CHARGE_TONES: Record<Charge["state"], Tone> = {
  later: "waiting",
  asking: "waiting",
  preparing: "waiting",
  charging: "charging",
  paused: "waiting",
  finishing: "waiting",
  ended: "free",
  failed: "fault",
};
