/** Countries to choose from, by their names in the spoken language (ISO 3166-1 alpha-2 codes). */
import { speech } from "./words/say.svelte";

const CODES =
  "AT AU BE BG BR CA CH CL CN CY CZ DE DK EE ES FI FR GB GR HR HU IE IN IS IT JP KR LI LT LU LV MT MX NL NO NZ PL PT RO RS SE SI SK TR UA US ZA".split(
    " ",
  );

export interface Country {
  code: string;
  name: string;
}

/** Sorted by name; `chosen` is among them also where the list does not know it. */
export function countries(chosen = ""): Country[] {
  const names = new Intl.DisplayNames(speech.locale, { type: "region" });
  const codes = !chosen || CODES.includes(chosen) ? CODES : [chosen, ...CODES];
  const named = codes.map((code) => ({ code, name: names.of(code) ?? code }));
  return named.sort((one, other) => one.name.localeCompare(other.name, speech.locale));
}
