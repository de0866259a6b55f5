import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { plainEnvironment, repository } from "./support/server.ts";

/** Checks of the API that are kept elsewhere: a program that starts a server of the repository named by `PROJECT` and says what failed. */
const checks = process.env["GUANXI_TEST_CONTRACT"] ?? "";

test.skipIf(checks === "")(
  "the API contract checks pass (skipped unless GUANXI_TEST_CONTRACT names them)",
  async ({ signal }) => {
    // They start a server of their own and end it, also when they are told to stop.
    const child = spawn(process.execPath, [resolve(repository, checks)], {
      cwd: repository,
      env: { ...plainEnvironment(), PROJECT: repository },
      stdio: ["ignore", "pipe", "pipe"],
      signal,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const code = await new Promise<number | null>((done, fail) => child.once("error", fail).once("close", done));
    expect(
      output.split("\n").filter((line) => line.startsWith("FAIL")),
      output,
    ).toEqual([]);
    expect(output).toMatch(/^[1-9]\d* passed, 0 failed$/m);
    expect(code).toBe(0);
  },
  180_000,
);
