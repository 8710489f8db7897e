import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` serves the console on its own port; the API stays where `gongzhi serve` runs.
const api = process.env.GONGZHI_PUBLIC_URL ?? "http://127.0.0.1:8000";
const proxied = ["/graphql", "/auth", "/documents"];

export default defineConfig({
  base: "/console/",
  plugins: [react()],
  resolve: {
    alias: {
      "@rjsf/validator-ajv8": fileURLToPath(new URL("./src/forms/noCompiler.ts", import.meta.url)),
    },
  },
  build: {
    license: { fileName: "licenses.md" },
    // antd alone is above Vite's default of 500 kB; the form engine is a chunk of its own, loaded when needed.
    chunkSizeWarningLimit: 1500,
    // Inlined files would need `data:` in the Content-Security-Policy.
    assetsInlineLimit: 0,
  },
  server: {
    // The API accepts cookies only from its own origin.
    proxy: Object.fromEntries(
      proxied.map((path) => [path, { target: api, changeOrigin: true, headers: { origin: api } }]),
    ),
  },
});
