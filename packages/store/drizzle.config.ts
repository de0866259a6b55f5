import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "postgresql",
  schema: "./src/registry.ts",
  out: "./migrations",
  schemaFilter: ["guanxi"],
});
