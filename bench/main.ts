// `npm run bench`: measures, prints one table, writes the results. It fails only where it cannot measure.
import { startDatabase } from "./database.ts";
import { killAll } from "./processes.ts";
import { tableOf, writeResults } from "./report.ts";
import type { Bench, Figure, Row } from "./row.ts";
import { rows } from "./rows/index.ts";
import { type Command, readCommand, usage } from "./settings.ts";
import { openWorld, type World } from "./world.ts";

const say = (text: string): void => console.error(`bench: ${text}`);

function chosen({ only }: Command): Row[] {
  const unknown = only.filter((name) => !rows.some((row) => row.name === name));
  if (unknown.length > 0) throw new Error(`there is no row ${unknown.join(", ")}; --list names them`);
  return rows.filter((row) => (only.length > 0 ? only.includes(row.name) : row.big !== true));
}

const list = (): string =>
  rows.map((row) => `${row.name.padEnd(18)} ${row.measures}${row.big ? " (only when named)" : ""}`).join("\n");

async function measure(command: Command): Promise<boolean> {
  const wanted = chosen(command);
  const { settings, dataDir } = command;
  const database = await startDatabase(dataDir, command.fresh, say);
  const worlds = new Map<number, Promise<World>>();
  const bench: Bench = {
    settings,
    database,
    dataDir,
    say,
    world(leads = settings.rows) {
      const known = worlds.get(leads) ?? openWorld(database, dataDir, leads, say);
      worlds.set(leads, known);
      return known;
    },
  };
  const figures: Figure[] = [];
  let failed = false;
  try {
    for (const row of wanted) {
      say(`${row.name}: ${row.measures}`);
      try {
        figures.push(...(await row.run(bench)));
      } catch (error) {
        failed = true;
        say(
          `${row.name} could not be measured: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
      }
    }
  } finally {
    await database.stop();
  }
  if (figures.length > 0) {
    console.log(tableOf(figures));
    say(`written to bench/results/${await writeResults(figures, settings, database.version)}`);
  }
  return !failed;
}

process.once("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

try {
  const command = readCommand(process.argv.slice(2));
  if (command.help) console.log(usage);
  else if (command.list) console.log(list());
  else process.exitCode = (await measure(command)) ? 0 : 1;
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
