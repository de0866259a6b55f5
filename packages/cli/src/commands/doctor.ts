import { isGuanxiError, issueMessage } from "@guanxi/base";
import type { Config } from "@guanxi/server";
import type { Command } from "commander";
import { localeOf } from "../api.ts";
import { answersJson, type CommonOptions, type Frame } from "../command.ts";
import { examineDataFolder } from "../doctor/data-folder.ts";
import { examineDatabases, type Server } from "../doctor/database.ts";
import { fault, type Finding, ok, warning } from "../doctor/finding.ts";
import { examineRedisAt } from "../doctor/redis.ts";
import { examineServer } from "../doctor/server.ts";
import { exitCodes, explain } from "../failure.ts";
import { type Io, print, printJson } from "../io.ts";
import { plain } from "../table.ts";
import { demoKeys } from "../target.ts";

/** The Node.js that the sandbox is built for. */
const nodeMajor = 24;

/** `doctor`: is all well that a server needs? */
export function addDoctor(program: Command, { io, end }: Frame): void {
  answersJson(
    program.command("doctor").description("look at settings, data folder, database, Redis and the running server"),
  )
    .option("--url <address>", "the server to look at (GUANXI_URL; the one of the settings)")
    .option("--data-dir <folder>", "data folder (GUANXI_DATA_DIR; .guanxi)")
    .action(async (options: CommonOptions) => {
      const findings = await examine(io, options);
      if (options.json) printJson(io, findings);
      else for (const finding of findings) print(io, linesOf(finding));
      if (findings.some(({ level }) => level === "fault")) end(exitCodes.failed);
    });
}

const marks = { ok: "ok     ", warning: "warning", fault: "FAULT  " } as const;

const linesOf = ({ check, level, says, mend }: Finding): string =>
  `${marks[level]}  ${check.padEnd(11)}  ${plain(says)}${mend === undefined ? "" : `\n${" ".repeat(22)}→ ${plain(mend)}`}`;

async function examine(io: Io, options: CommonOptions): Promise<Finding[]> {
  const server = await import("@guanxi/server");
  const { dataDir } = options;
  const environment = { ...io.env, ...(dataDir === undefined ? {} : { GUANXI_DATA_DIR: dataDir }) };
  const { config, findings } = readSettings(io, server, environment);
  const all = [examineNode(), ...findings];
  if (config === undefined) return all;
  const embedded = config.databaseUrl === undefined;
  if (embedded) all.push(...(await guarded(io, "data folder", () => examineDataFolder(config.dataDir))));
  all.push(...(await guarded(io, "database", () => examineDatabases(server, config))));
  if (config.redisUrl !== undefined) {
    const { redisUrl } = config;
    all.push(...(await guarded(io, "redis", () => examineRedisAt(server, redisUrl))));
  }
  const named = options.url ?? io.env["GUANXI_URL"];
  if (config.role !== "worker" || named)
    all.push(
      ...(await guarded(io, "server", async () =>
        examineServer(io, await addressOf(config, environment, named), Boolean(named)),
      )),
    );
  return all;
}

/** What one examination cannot do is a finding, so that the others go on. */
async function guarded(io: Io, check: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    return [fault(check, explain(error, localeOf(io)), "Run the doctor as the user who runs the server.")];
  }
}

function readSettings(
  io: Io,
  { readConfig, settings }: Server,
  environment: Io["env"],
): { config: Config | undefined; findings: Finding[] } {
  try {
    const config = readConfig(environment);
    const names = Object.values(settings).map(({ name }) => name);
    const given = names.filter((name) => environment[name]);
    return {
      config,
      findings: [ok("settings", given.length === 0 ? "all as preset" : `valid; set: ${given.join(", ")}`)],
    };
  } catch (error) {
    if (!isGuanxiError(error)) throw error;
    const where = "docs/guide/settings.md has them all.";
    const findings = error.issues.map((issue) =>
      fault("settings", `${issue.path} ${issueMessage(issue, localeOf(io))}`, where),
    );
    return { config: undefined, findings };
  }
}

function examineNode(): Finding {
  const says = `Node.js ${process.versions.node}`;
  return Number.parseInt(process.versions.node, 10) === nodeMajor
    ? ok("node", says)
    : warning(
        "node",
        `${says}; scripts are run by version ${nodeMajor}.`,
        `Start by \`npm start\`, which brings Node.js ${nodeMajor} with it.`,
      );
}

/** Where the server of these settings would be. Without a port in them, where the last one on the data folder was. */
async function addressOf(config: Config, environment: Io["env"], named: string | undefined): Promise<string> {
  if (named) return named.replace(/\/+$/, "");
  const noted = config.databaseUrl === undefined ? await demoKeys(config.dataDir) : undefined;
  if (noted !== undefined && (config.port === 0 || !environment["PORT"])) return noted.baseUrl;
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  return `http://${host}:${config.port}`;
}
