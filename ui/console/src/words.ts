/** The words of the console. */
import type * as en from "$shared/words/en";
import { speech, type Language, type Loader, type Say } from "$shared/words/say.svelte";

export type ConsoleWords = typeof en.common & typeof en.operator;

export const say: Say<ConsoleWords> = (key, ...[filling]) => speech.say(key, filling);

/** Says a word whose key is made from a value of the API; an unknown value is shown as it came. */
export function sayOf(prefix: string, value: string | null | undefined): string {
  if (value === null || value === undefined) return "–";
  const key = `${prefix}.${value}`;
  return key in speech.words ? speech.say(key) : value;
}

export const loaders: Record<Language, Loader> = {
  en: async () => {
    const { common, operator } = await import("$shared/words/en");
    return { ...common, ...operator };
  },
  de: async () => {
    const { common, operator } = await import("$shared/words/de");
    return { ...common, ...operator };
  },
};
