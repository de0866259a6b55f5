import type { Api } from "@guanxi/testing";
import { sleep } from "../support/processes.ts";
import { mark } from "./cluster.ts";

/** What clients do while nodes come and go; nothing of it may fail. */
export class Load {
  readonly company = mark("once");
  readonly acknowledged: string[] = [];
  readonly faults: string[] = [];
  requests = 0;
  stopped = false;
  readonly #clients: Promise<void>[];

  constructor(api: Api, clients: number, pauseMs: number) {
    this.#clients = Array.from({ length: clients }, (_, client) => this.#run(api, client, pauseMs));
  }

  async #run(api: Api, client: number, pauseMs: number): Promise<void> {
    for (let i = 0; !this.stopped; i++) {
      const name = `lead ${client}.${i}`;
      const id = await this.#expect(201, name, () =>
        api.post("/api/leads", { last_name: name, company: this.company }),
      );
      if (id === undefined) continue;
      this.acknowledged.push(name);
      await this.#expect(200, name, () => api.patch(`/api/leads/${id}`, { first_name: `updated ${i}` }));
      await this.#expect(200, name, () => api.get(`/api/leads/${id}`));
      await sleep(pauseMs);
    }
  }

  async #expect(status: number, what: string, call: () => ReturnType<Api["get"]>): Promise<string | undefined> {
    this.requests++;
    try {
      const answer = await call();
      if (answer.status === status) return answer.body.id as string;
      this.faults.push(`${what}: ${answer.status} ${answer.text}`);
    } catch (error) {
      this.faults.push(`${what}: ${String((error as Error).cause ?? error)}`);
    }
    return undefined;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.#clients);
  }
}
