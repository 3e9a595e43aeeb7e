/** How both apps are built: the same toolchain, one folder each, one place on the server each. */
import { fileURLToPath } from "node:url";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type PluginOption, type UserConfig } from "vite";

import { pretend } from "./dev/pretend.ts";
import { basemap } from "./shared/map/basemap.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export interface AppPlace {
  /** Folder of the app in `ui/`, and of its build in `ui/dist/`. */
  folder: "console" | "driver";
  /** Where the server mounts it; every unknown path below answers its `index.html`. */
  base: `/${string}/`;
  port: number;
  plugins?: PluginOption[];
}

/** The Gridlane that `npm run dev` talks to, unless it plays one itself (`GRIDLANE_PRETEND=1`). */
const server = process.env["GRIDLANE_URL"] ?? "http://127.0.0.1:8080";

const pretending = process.env["GRIDLANE_PRETEND"] ? [pretend()] : [];

export function app(place: AppPlace): UserConfig {
  return defineConfig({
    root: here(`./${place.folder}`),
    base: place.base,
    plugins: [
      svelte({ configFile: here("./svelte.config.js") }),
      basemap(),
      ...pretending,
      ...(place.plugins ?? []),
    ],
    resolve: { alias: { $shared: here("./shared") } },
    worker: { format: "es" },
    build: {
      outDir: here(`./dist/${place.folder}`),
      emptyOutDir: true,
      target: "es2023",
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 1200,
      reportCompressedSize: false,
    },
    server: { port: place.port, strictPort: true, proxy: pretending.length > 0 ? {} : { "/api": server } },
  });
}
