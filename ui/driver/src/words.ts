/** The words of the driver's app. */
import type * as en from "$shared/words/en";
import { speech, type Language, type Loader, type Say } from "$shared/words/say.svelte";

export type DriverWords = typeof en.common & typeof en.driver;

export const say: Say<DriverWords> = (key, ...[filling]) => speech.say(key, filling);

/** Says a word whose key is made from a value of the API; an unknown value is shown as it came. */
export function sayOf(prefix: string, value: string): string {
  const key = `${prefix}.${value}`;
  return key in speech.words ? speech.say(key) : value;
}

export const loaders: Record<Language, Loader> = {
  en: async () => {
    const { common, driver } = await import("$shared/words/en");
    return { ...common, ...driver };
  },
  de: async () => {
    const { common, driver } = await import("$shared/words/de");
    return { ...common, ...driver };
  },
};
