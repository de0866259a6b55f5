import { type Command, Option } from "commander";
import type { Frame } from "../command.ts";

interface ServeOptions {
  readonly role?: string;
  readonly port?: string;
  readonly host?: string;
  readonly dataDir?: string;
}

/** `serve` and `worker`: this process becomes a server. */
export function addServe(program: Command, { io }: Frame): void {
  const start = async (options: ServeOptions): Promise<void> => {
    const { runServer } = await import("@guanxi/server");
    const given = {
      GUANXI_ROLE: options.role,
      PORT: options.port,
      HOST: options.host,
      GUANXI_DATA_DIR: options.dataDir,
    };
    const flags = Object.entries(given).filter(([, value]) => value !== undefined);
    runServer({ ...io.env, ...Object.fromEntries(flags) });
  };
  const dataDir = "embedded database, generated secrets, the demo's keys (GUANXI_DATA_DIR; .guanxi)";
  program
    .command("serve")
    .description("start a server, as `npm start` does; settings are environment variables, options win over them")
    .addOption(new Option("--role <role>", "what it does (GUANXI_ROLE; all)").choices(["all", "api", "worker"]))
    .option("--port <number>", "port to listen on, 0 for any (PORT; 3000)")
    .option("--host <address>", "address to listen on (HOST; 127.0.0.1)")
    .option("--data-dir <folder>", dataDir)
    .action(start);
  program
    .command("worker")
    .description("start a process that relays events, runs workflows and imports; needs DATABASE_URL")
    .option("--data-dir <folder>", dataDir)
    .action((options: ServeOptions) => start({ ...options, role: "worker" }));
}
