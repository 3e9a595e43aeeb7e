/**
 * The words of the screens. English is the source: its keys are the type of every other language, and the
 * holes in its sentences (`"{count} stations"`) are the type of what must be handed in.
 */

/** A word with its plural forms, chosen by `count` (Intl.PluralRules). */
export interface Plural {
  readonly zero?: string;
  readonly one: string;
  readonly two?: string;
  readonly few?: string;
  readonly many?: string;
  readonly other: string;
}
export type Word = string | Plural;
export type Words = Readonly<Record<string, Word>>;

/** The same keys in another language. */
export type Translation<W extends Words> = { readonly [K in keyof W]: Word };

type HolesOf<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | HolesOf<Rest> : never;
type Holes<W> = W extends { other: infer S } ? HolesOf<S> | "count" : HolesOf<W>;
type Filling<W> = [Holes<W>] extends [never] ? [] : [Readonly<Record<Holes<W>, string | number>>];

export type Say<W extends Words> = <K extends keyof W & string>(key: K, ...filling: Filling<W[K]>) => string;

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;
export type Loader = () => Promise<Words>;

const KEPT = "gridlane.language";

class Speech {
  language = $state<Language>("en");
  words = $state.raw<Words>({});
  #plural = new Intl.PluralRules("en");

  /** Says `key` in the reader's language, its holes filled. */
  say(key: string, filling: Readonly<Record<string, string | number>> = {}): string {
    const word = this.words[key];
    if (word === undefined) return key;
    const sentence = typeof word === "string" ? word : this.#form(word, Number(filling["count"]));
    return sentence.replace(/\{(\w+)\}/g, (hole, name: string) => String(filling[name] ?? hole));
  }

  /** The reader's own variety of the language (en-GB, de-AT), for figures and times of day. */
  get locale(): string {
    return navigator.languages.find((tag) => tag.startsWith(this.language)) ?? this.language;
  }

  speak(language: Language, words: Words): void {
    this.#plural = new Intl.PluralRules(language);
    this.words = words;
    this.language = language;
    document.documentElement.lang = language;
  }

  #form(word: Plural, count: number): string {
    return word[this.#plural.select(count)] ?? word.other;
  }
}

export const speech = new Speech();

/** The language the reader chose, else the first of the browser's that we speak, else English. */
export function preferredLanguage(): Language {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages];
  for (const tag of wanted) {
    const language = tag?.slice(0, 2);
    if (language && language in LANGUAGES) return language as Language;
  }
  return "en";
}

/** Loads and speaks a language, and remembers it when the reader chose it. */
export async function speak(
  loaders: Record<Language, Loader>,
  language: Language,
  chosen = false,
): Promise<void> {
  const words = await loaders[language]();
  if (chosen) localStorage.setItem(KEPT, language);
  speech.speak(language, words);
}
