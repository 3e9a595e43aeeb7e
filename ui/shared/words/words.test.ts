import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { describe, expect, test } from "vitest";

import * as de from "./de";
import * as en from "./en";
import type { Word, Words } from "./say.svelte";

const groups = ["common", "operator", "driver"] as const;

function holes(word: Word): string[] {
  const sentence = typeof word === "string" ? word : word.other;
  return [...sentence.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).toSorted();
}

describe.each(groups)("the words of %s", (group) => {
  const english: Words = en[group];
  const german: Words = de[group];

  test("German says everything that English says, and nothing else", () => {
    expect(Object.keys(german).toSorted()).toEqual(Object.keys(english).toSorted());
  });

  test("German leaves the same holes", () => {
    const differing = Object.keys(english).filter(
      (key) => `${holes(english[key]!)}` !== `${holes(german[key]!)}`,
    );
    expect(differing).toEqual([]);
  });

  test("no word is empty", () => {
    const empty = [english, german].flatMap((words) => Object.entries(words).filter(([, word]) => !word));
    expect(empty).toEqual([]);
  });

  test("no word is left unsaid", () => {
    const unsaid = Object.keys(english).filter(
      (key) => !said.has(key) && !prefixes.has(key.slice(0, key.indexOf("."))),
    );
    expect(unsaid).toEqual([]);
  });
});

const ui = fileURLToPath(new URL("../..", import.meta.url));
const source = ["shared", "console", "driver"]
  .flatMap((folder) =>
    readdirSync(ui + folder, { recursive: true, encoding: "utf8" }).map((file) => `${ui}${folder}/${file}`),
  )
  .filter((file) => /\.(svelte|ts)$/.test(file) && !/words\/(en|de)\.ts$/.test(file))
  .map((file) => readFileSync(file, "utf8"))
  .join("\n");

/** Keys written out where they are said, and the prefixes of keys that are put together. */
const said = new Set([...source.matchAll(/"([a-z_]+\.[a-z_0-9.]+)"/g)].map(([, key]) => key!));
const prefixes = new Set(
  [...source.matchAll(/(?:say|sayOf)\(\s*["`]([a-z_]+)(?:"|\.\$)/g)].map(([, prefix]) => prefix!),
);
