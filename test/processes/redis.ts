// A Redis of the test's own, because it is emptied, stopped and started again.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { until } from "@guanxi/testing";
import { freePort } from "../support/processes.ts";

/** Whether this machine has one. */
export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;

export interface Redis {
  readonly url: string;
  /** One command of plain words; → the first line of its answer. */
  command(...words: string[]): Promise<string>;
  /** Ends it; what it held is gone. */
  stop(): Promise<void>;
  /** On the same port. */
  start(): Promise<void>;
}

export async function startRedis(): Promise<Redis> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  process.once("exit", () => child?.kill("SIGKILL"));

  async function command(...words: string[]): Promise<string> {
    const socket = connect(port, "127.0.0.1").setEncoding("utf8");
    socket.write(`${words.join(" ")}\r\n`);
    const [answer] = (await once(socket, "data")) as [string];
    socket.destroy();
    return answer.trim();
  }

  async function start(): Promise<void> {
    const kept = ["--save", "", "--appendonly", "no", "--dir", tmpdir(), "--maxmemory-policy", "noeviction"];
    child = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", ...kept], { stdio: "ignore" });
    const answers = (): Promise<boolean> =>
      command("PING").then(
        (answer) => answer === "+PONG",
        () => false,
      );
    await until("Redis to answer", answers, 20_000, 20);
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    command,
    start,
    async stop() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
