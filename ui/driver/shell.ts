/**
 * Tells the service worker what the shell is made of: every file of the build but the map's ground, and a version
 * that changes whenever one of them does. The worker itself is written beside the page, as its scope demands.
 */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { build, type Plugin, type Rolldown } from "vite";

/** Fetched when needed: the detailed ground of the map, and letters that few of our languages have. */
const LATER = /\/ground-[^/]+\/(?!world\.json|places\.json)|inter-(cyrillic|greek|vietnamese)|\.map$/;
const WORKER = fileURLToPath(new URL("./src/service-worker.ts", import.meta.url));

export function shell(): Plugin {
  let base = "/";
  let publicDir = "";
  return {
    name: "gridlane-shell",
    apply: "build",
    enforce: "post",
    configResolved(config) {
      ({ base, publicDir } = config);
    },
    async generateBundle(_, bundle) {
      const files = Object.keys(bundle).filter((name) => !LATER.test(name));
      const hash = createHash("sha256");
      for (const name of files.toSorted()) {
        const file = bundle[name]!;
        hash.update(file.type === "chunk" ? file.code : file.source);
      }
      const others = [...files.filter((name) => name !== "index.html"), ...readdirSync(publicDir)];
      const list = [base, ...others.map((name) => base + name)];
      const source = await worker(list, hash.digest("base64url").slice(0, 12));
      this.emitFile({ type: "asset", fileName: "sw.js", source });
    },
  };
}

async function worker(list: readonly string[], version: string): Promise<string> {
  const told: Plugin = {
    name: "gridlane-shell-list",
    resolveId: (id) => (id === "virtual:shell" ? "\0shell" : null),
    load: (id) =>
      id === "\0shell"
        ? `export const shell = ${JSON.stringify(list)}; export const version = ${JSON.stringify(version)};`
        : null,
  };
  const made = await build({
    configFile: false,
    logLevel: "warn",
    plugins: [told],
    build: { write: false, target: "es2023", lib: { entry: WORKER, formats: ["iife"], name: "worker" } },
  });
  const { output } = (Array.isArray(made) ? made[0]! : made) as Rolldown.RolldownOutput;
  return output[0].code;
}
