import { join } from "node:path";
import { parseArgs } from "node:util";
import { createClient } from "./client.ts";
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
    await writeKeys(createClient(credentials), loaded.teams, values.keys);
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

try {
  await main();
} catch (e) {
  const what =
    e instanceof SourceError
      ? `Not everything in the files could be used:\n${e.message}`
      : e instanceof Error
        ? e.message
        : String(e);
  process.stderr.write(`${what}\n`);
  process.exitCode = 1;
}
