import { defineConfig } from "vitest/config";

const long = process.env["GUANXI_TEST_LONG"] === "1";

export default defineConfig({
  test: {
    include: long
      ? ["test/long/**/*.test.ts"]
      : [
          "packages/*/test/**/*.test.ts",
          "plugins/*/test/**/*.test.ts",
          "examples/*/test/**/*.test.ts",
          "test/**/*.test.ts",
        ],
    // Run by `node --test`, as a project outside of this repository would: test/first-project.test.ts.
    exclude: ["**/node_modules/**", "examples/property-agency/**", ...(long ? [] : ["test/long/**"])],
    globalSetup: ["packages/testing/src/global-setup.ts"],
    // Processes, because suites start processes of their own and isolates crash whole processes.
    pool: "forks",
    // A process serves many files: starting one and loading everything anew for each file took a third of the time.
    isolate: false,
    // More than there are cores: tests also wait, for processes and clocks.
    maxWorkers: 3,
    // Generous for a machine that others load too; a suite that needs them regularly is too slow.
    testTimeout: long ? 600_000 : 30_000,
    hookTimeout: 60_000,
    teardownTimeout: 30_000,
    passWithNoTests: long,
  },
});
