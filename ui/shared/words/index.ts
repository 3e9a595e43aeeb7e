/** The words that both apps share; each app's own `words.ts` knows its own besides. */
import type * as en from "./en";
import { speech, type Say } from "./say.svelte";

export type CommonWords = typeof en.common;

export const say: Say<CommonWords> = (key, ...[filling]) => speech.say(key, filling);
