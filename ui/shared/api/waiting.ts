/** What the driver's app reads of the API about waiting. */

/** A wait in minutes; four in five lie from `low` to `high`. `free_chance`: to find a free plug on arrival. */
export interface WaitForecast {
  site_id: string;
  free_chance: number;
  low: number;
  middle: number;
  high: number;
  mean: number;
}

/** When a plug in use is likely to be free, minutes from now. */
export interface PlugForecast {
  public_id: string | null;
  low: number;
  middle: number;
  high: number;
}

export interface WaitDetails {
  wait: WaitForecast;
  plugs: PlugForecast[];
  /** The chance of a free plug now and after each full hour. */
  hours: number[];
  as_of: string;
}
