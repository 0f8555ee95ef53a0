import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const hub = process.env.AIOPS_HUB ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: { outDir: "../src/aiops/gateway/console", emptyOutDir: true },
  server: { proxy: { "/api": hub, "/schema": hub, "/ws": { target: hub, ws: true } } },
  test: { include: ["src/**/*.test.ts"] },
});
