import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Loaded, loadSalesOpportunities, printReport } from "@guanxi/example-sales-opportunities";
import { type Api, createTestApp, q, type TestApp, until } from "@guanxi/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asInTerminal, calmTerminal, expectPrinted, localPrograms, stepsOf } from "./support/guide.ts";
import { blocksOf, readPage, section } from "./support/pages.ts";
import { runBlocks } from "./support/readme.ts";
import { boot, endAll, plainEnvironment, repository, type Server } from "./support/server.ts";

/** The folder of the real files, which are kept elsewhere. */
const realData = process.env["GUANXI_TEST_DATA"] ?? "";

interface Dataset {
  readonly name: string;
  /** Id of a tenant of its own. */
  readonly tenant: string;
  readonly folder: string;
  /** By stage: how many, and their value. */
  readonly totals: Readonly<Record<string, readonly [count: number, value: number]>>;
}

const sample: Dataset = {
  name: "the generated sample",
  tenant: "sample",
  folder: join(repository, "examples/sales-opportunities/sample"),
  totals: { won: [155, 839_571], lost: [78, 0], engaging: [54, 0], prospecting: [13, 0] },
};
const real: Dataset = {
  name: "the real data (skipped unless GUANXI_TEST_DATA names its folder)",
  tenant: "real",
  folder: realData === "" ? "" : resolve(repository, realData),
  totals: { won: [4_238, 10_005_534], lost: [2_473, 0], engaging: [1_589, 0], prospecting: [500, 0] },
};

const operatorKey = "operator-key-of-the-example";
let app: TestApp;
let server: Server;

// On a database that the test can look into, to see that nothing is written where nothing should be.
beforeAll(async () => {
  app = await createTestApp();
  server = await boot({ env: { DATABASE_URL: app.databaseUrl, GUANXI_OPERATOR_KEY: operatorKey } });
});
afterAll(async () => {
  await server?.stop();
  await endAll();
  await app?.close();
});

async function makeTenant(id: string): Promise<string> {
  const made = await server
    .as(operatorKey)
    .post("/platform/tenants", { id, name: id, admin: { email: "admin@example.com" }, plugins: ["sales"] });
  expect(made.status, made.text).toBe(201);
  return made.body.admin.key as string;
}

describe.each([sample, real])("$name", (dataset) => {
  describe.skipIf(dataset.folder === "")("loaded through the public API", () => {
    let key: string;
    let admin: Api;
    let loaded: Loaded;
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    const load = (): Promise<Loaded> => loadSalesOpportunities({ url: server.base, key, data: dataset.folder, log });

    beforeAll(async () => {
      key = await makeTenant(dataset.tenant);
      admin = server.as(key);
      const started = performance.now();
      loaded = await load();
      console.log(
        `${dataset.tenant}: ${loaded.counts.opportunities.created} opportunities loaded in ${((performance.now() - started) / 1_000).toFixed(1)} s`,
      );
    }, 120_000);

    const aggregate = async (as: Api, query: Record<string, string>): Promise<Record<string, unknown>[]> => {
      const answer = await as.get(`/api/opportunities/aggregate${q(query)}`);
      expect(answer.status, answer.text).toBe(200);
      return answer.body.data as Record<string, unknown>[];
    };

    async function keyOf(user: string): Promise<Api> {
      const made = await admin.post("/api/keys", { name: "test", user });
      expect(made.status, made.text).toBe(201);
      return server.as(made.body.key as string);
    }

    test.each(Object.entries(dataset.totals))("has the known total of %s deals", async (stage, [count, value]) => {
      expect(await aggregate(admin, { metrics: "count(),sum(amount)", filter: `stage == '${stage}'` })).toEqual([
        { count, sum_amount: value },
      ]);
    });

    test("answers every question of the report, and agrees with the files", async () => {
      const report = await printReport({ url: server.base, key, loaded, log });
      expect(report.asInFiles).toBe(true);
      const won = dataset.totals["won"]!;
      const sum = (rows: readonly { won: number; value: number }[]): number[] => [
        rows.reduce((n, r) => n + r.won, 0),
        rows.reduce((n, r) => n + r.value, 0),
      ];
      for (const rows of [report.agents, report.quarters, report.sectors, report.products])
        expect(sum(rows)).toEqual(won);
      expect(lines.join("\n")).toContain("The same as in the files.");
      if (dataset !== sample) return;
      const [shown] = blocksOf(
        section(readPage("examples/sales-opportunities/README.md"), "What it prints on the sample"),
      );
      expect(lines).toEqual(shown?.text.trimEnd().split("\n").slice(1));
    });

    test("a second run changes nothing", async () => {
      const state = async () => {
        const schema = `t_${dataset.tenant}`;
        const [rows] = await app.store.sql(
          `SELECT (SELECT count(*) FROM ${schema}._change)::int AS changes, (SELECT max(seq) FROM ${schema}._change)::int AS last,
             (SELECT sum(version) FROM ${schema}.opportunity)::int AS versions, (SELECT count(*) FROM ${schema}._workflow)::int AS workflows`,
        );
        return rows;
      };
      const before = await state();
      expect(before?.["changes"]).toBeGreaterThan(loaded.counts.opportunities.created);
      const again = await load();
      for (const { created, changed } of Object.values(again.counts)) expect([created, changed]).toEqual([0, 0]);
      expect(again.stored).toEqual([]);
      expect(await state()).toEqual(before);
    }, 60_000);

    test("agents see their own deals only, managers those of their team", async () => {
      const rows = await aggregate(admin, { group: "owner", metrics: "count()" });
      const countOf = new Map(rows.map((row) => [row["owner"], row["count"]]));
      const seenBy = async (user: string) =>
        new Map(
          (await aggregate(await keyOf(user), { group: "owner", metrics: "count()" })).map((row) => [
            row["owner"],
            row["count"],
          ]),
        );
      const expected = (users: readonly string[]) =>
        new Map(users.filter((user) => countOf.has(user)).map((user) => [user, countOf.get(user)]));
      for (const { manager, agents } of loaded.teams) {
        for (const { user } of agents) expect(await seenBy(user)).toEqual(expected([user]));
        expect(await seenBy(manager.user)).toEqual(expected(agents.map(({ user }) => user)));
      }
      expect(countOf.size).toBeGreaterThan(loaded.teams.length);
    }, 60_000);

    test("one agent's deal is nowhere to another", async () => {
      const [mine, theirs] = [loaded.teams[0]!.agents[0]!.user, loaded.teams[1]!.agents[0]!.user];
      const deal = (await admin.get(`/api/opportunities${q({ filter: `owner == '${theirs}'`, limit: 1 })}`)).body
        .data[0] as { id: string };
      const agent = await keyOf(mine);
      expect((await agent.get(`/api/opportunities/${deal.id}`)).status).toBe(404);
      expect((await agent.patch(`/api/opportunities/${deal.id}`, { name: "mine" })).status).toBe(404);
      expect((await agent.delete(`/api/opportunities/${deal.id}`)).status).toBe(404);
      expect((await (await keyOf(theirs)).get(`/api/opportunities/${deal.id}`)).status).toBe(200);
    });

    test("a deal that is won gives its owner one task; an account's third win opens one expansion deal", async () => {
      const owner = loaded.teams[0]!.agents[0]!.user;
      const made = await admin.post("/api/accounts", { name: "Won thrice" });
      const account = made.body.id as string;
      const deals = await admin.post(
        "/api/opportunities",
        Array.from({ length: 4 }, (_, i) => ({ name: `Deal ${i}`, account, owner, stage: "engaging", amount: 100 })),
      );
      expect(deals.status, deals.text).toBe(200);
      const ids = (deals.body.data as { id: string }[]).map(({ id }) => id);
      const win = async (id: string): Promise<void> => {
        const won = await admin.patch(`/api/opportunities/${id}`, { stage: "won", close_date: "2018-01-15" });
        expect(won.status, won.text).toBe(200);
      };
      const tasks = async () =>
        (await admin.get(`/api/tasks${q({ filter: `account == '${account}'` })}`)).body.data as {
          owner: string;
          opportunity: string;
        }[];
      const expansions = async () =>
        (await admin.get(`/api/opportunities${q({ filter: `account == '${account}' && type == 'expansion'` })}`)).body
          .data as { owner: string; stage: string }[];
      const ended = async (runs: number): Promise<void> => {
        await until(
          `${runs} runs`,
          async () => {
            const all = (await Promise.all(ids.map((record) => admin.get(`/api/runs${q({ record })}`)))).flatMap(
              (answer) => answer.body.data as { status: string }[],
            );
            expect(all.filter(({ status }) => status === "failed")).toEqual([]);
            return all.filter(({ status }) => status === "succeeded").length === runs;
          },
          20_000,
        );
      };

      for (const id of ids.slice(0, 2)) await win(id);
      await ended(4);
      expect(await tasks()).toHaveLength(2);
      expect(await expansions()).toEqual([]);

      // Both at the same moment, so that neither sees the other's expansion.
      await Promise.all(ids.slice(2).map(win));
      await ended(8);
      expect((await tasks()).map((task) => [task.opportunity, task.owner]).toSorted()).toEqual(
        ids.map((id) => [id, owner]).toSorted(),
      );
      expect(await expansions()).toMatchObject([{ owner, stage: "prospecting" }]);

      // No win: neither another field of a won deal, nor a deal that is lost.
      await admin.patch(`/api/opportunities/${ids[0]}`, { amount: 101 });
      await admin.patch(`/api/opportunities/${ids[1]}`, { stage: "lost" });
      await ended(8);
      expect(await tasks()).toHaveLength(4);
    }, 60_000);
  });
});

describe("the sample's files", () => {
  test("can be imported by hand, as the README says", async () => {
    const key = await makeTenant("byhand");
    const log = (): void => {};
    await loadSalesOpportunities({ url: server.base, key, data: sample.folder, log });
    const steps = stepsOf(blocksOf(section(readPage("examples/sales-opportunities/README.md"), "By hand")));
    expect(steps).toHaveLength(1);
    const printed = await runBlocks(
      steps.map(({ block }) => block),
      {
        folder: repository,
        here: {},
        prelude: [asInTerminal, 'npx() { "$@"; }'],
        env: {
          ...{ ...plainEnvironment(), ...localPrograms(), ...calmTerminal },
          ...{ GUANXI_URL: server.base, GUANXI_KEY: key },
        },
      },
    );
    for (const [i, { block, shown }] of steps.entries()) expectPrinted(printed[i] ?? "", shown, block);
  }, 60_000);

  test("with rows that cannot be mapped: these are named with every reason, the others are in", async () => {
    const key = await makeTenant("dirty");
    const folder = await mkdtemp(join(tmpdir(), "guanxi-example-"));
    try {
      await cp(sample.folder, folder, { recursive: true });
      const pipeline = join(folder, "sales_pipeline.csv");
      const [header = "", first = "", second = ""] = (await readFile(pipeline, "utf8")).split("\n");
      const bad = [
        "BAD00001,Priya Sundaresan,Nova Max,Nobody,Won,1/1/2017,2/1/2017,5",
        "BAD00002,Priya Sundaresan,NovaPro,Saltmarsh Media,Closed,1/1/2017,2/30/2017,x",
        "BAD00003,Eve,NovaPro,,Engaging,1/1/2017,,",
        ",Priya Sundaresan,NovaPro,,Engaging,1/1/2017,,",
      ];
      await writeFile(pipeline, [header, first, ...bad, second, ""].join("\n"));
      const log = (): void => {};
      const loading = loadSalesOpportunities({ url: server.base, key, data: folder, log });
      await expect(loading).rejects.toMatchObject({
        faults: [
          'sales_pipeline.csv, row 2: product: no product with external_id "Nova Max"; account: no account with external_id "Nobody"',
          expect.stringMatching(
            /^sales_pipeline.csv, row 3: .*close_date: must be a valid date; close_value: must be number/,
          ),
          'sales_pipeline.csv, row 4: sales_agent: no user with name "Eve"',
          "sales_pipeline.csv, row 5: opportunity_id: is required",
        ],
      });
      const there = await server.as(key).get("/api/opportunities?select=external_id");
      expect(there.body.data.map((deal: { external_id: string }) => deal.external_id).toSorted()).toEqual(
        [first, second].map((line) => line.slice(0, 8)).toSorted(),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 60_000);
});
