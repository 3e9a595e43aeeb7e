import { fileURLToPath } from "node:url";

import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [svelte()],
  resolve: {
    alias: { $shared: fileURLToPath(new URL("./shared", import.meta.url)) },
    conditions: ["browser"],
  },
  test: { include: ["**/*.test.ts"], exclude: ["node_modules", "dist"], passWithNoTests: true },
});
