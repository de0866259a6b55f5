import { join } from "node:path";
import { parseArgs } from "node:util";
import { GuanxiProblem } from "@guanxi/client";
import { readCredentials, writeKeys } from "./keys.ts";
import { loadSalesOpportunities } from "./load.ts";
import { createReporter } from "./progress.ts";
import { printReport } from "./report.ts";
import { SourceError } from "./source.ts";

const usage = `Loads a B2B pipeline into a running Guanxi and reports on it.

  npm run example:sales-opportunities -- [--data <folder>] [--keys <file>]

  --data <folder>  with accounts.csv, products.csv, sales_teams.csv, sales_pipeline.csv (default: the generated sample)
  --keys <file>    writes API keys of all managers and agents there (mode 0600), to see what each of them sees

  GUANXI_URL       the server's address (default: the demo's)
  GUANXI_KEY       an administrator's API key (default: the demo's, from .guanxi/demo-keys.json)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { data: { type: "string" }, keys: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help) {
    process.stdout.write(usage);
    return;
  }
  const { log, progress } = createReporter(process.stdout);
  const credentials = await readCredentials(process.env);
  const data = values.data ?? join(import.meta.dirname, "..", "sample");
  log(`Loading ${data} into ${credentials.url}`);
  const loaded = await loadSalesOpportunities({ ...credentials, data, log, progress });
  if (values.keys !== undefined) {
    await writeKeys(credentials, loaded.teams, values.keys);
    log(`Keys: ${values.keys}`);
  }
  const report = await printReport({ ...credentials, loaded, log });
  if (!report.asInFiles) process.exitCode = 1;
}

// As in `… | head`: whoever read has read enough.
process.stdout.on("error", (e: NodeJS.ErrnoException) => {
  if (e.code !== "EPIPE") throw e;
  process.exit();
});

/** What went wrong, for whoever has started the program. */
function wordsOf(error: unknown): string {
  if (error instanceof SourceError) return `Not everything in the files could be used:\n${error.message}`;
  if (error instanceof GuanxiProblem && error.status === 0)
    return `${error.title}. Does it run where GUANXI_URL, or the demo, says? \`npm start\` starts it.`;
  return error instanceof Error ? error.message : String(error);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${wordsOf(error)}\n`);
  process.exitCode = 1;
}
