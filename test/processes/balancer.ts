// As small as a TCP balancer can be: new connections go to nodes that say they are ready, one after the other; it never tries twice.
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { until } from "@guanxi/testing";

/** ms between two questions to each node. */
const askEveryMs = 100;

export interface Balancer {
  readonly url: string;
  /** Resolves when new connections go to this node too. */
  takenIn(port: number): Promise<void>;
  close(): Promise<void>;
}

export async function startBalancer(ports: readonly number[]): Promise<Balancer> {
  const ready = new Set<number>();
  const sockets = new Set<Socket>();
  let turn = 0;

  async function ask(port: number): Promise<void> {
    const answer = await fetch(`http://127.0.0.1:${port}/ready`, { headers: { connection: "close" } }).catch(
      () => null,
    );
    await answer?.arrayBuffer();
    if (answer?.ok) ready.add(port);
    else ready.delete(port);
  }

  const server = createServer((client) => {
    const nodes = [...ready];
    const node = nodes[turn++ % nodes.length];
    if (node === undefined) return void client.destroy();
    const upstream = connect(node, "127.0.0.1");
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.once("error", () => to.destroy());
      from.once("close", () => {
        sockets.delete(from);
        to.end();
      });
    }
  });
  await Promise.all(ports.map(ask));
  const timer = setInterval(() => void Promise.all(ports.map(ask)), askEveryMs);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    takenIn: async (port) =>
      void (await until("the balancer to take the node in", async () => ready.has(port), 30_000, 10)),
    close() {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => server.close(() => done()));
    },
  };
}
