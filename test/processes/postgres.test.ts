// Two APIs and two workers on one database, with the queue in it. They take a minute of both cores, so they are for those who ask for
// everything (`GUANXI_TEST_ALL=1`), as `.ci/run` does.
import { afterAll, beforeAll, describe, test } from "vitest";
import { type Cluster, startCluster } from "./cluster.ts";
import { prepare } from "./evidence.ts";
import { createdOnce, keysRevoked, metadataEverywhere, rollingRestart, sleepersWake, workerGone } from "./scenarios.ts";

const everything = process.env["GUANXI_TEST_ALL"] === "1";

describe.skipIf(!everything)("two APIs and two workers, queue in PostgreSQL", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    // Long enough for this balancer, which asks ten times a second, and for clients without a pause.
    cluster = await startCluster("postgres", { GUANXI_DRAIN_MS: "1000" });
    await prepare(cluster);
  }, 120_000);
  afterAll(() => (cluster as Cluster | undefined)?.close(), 60_000);

  const limit = 120_000;
  test("what one node defines, the other uses in its next request", () => metadataEverywhere(cluster, 2), limit);
  test("a revoked key is refused everywhere", () => keysRevoked(cluster, 6), limit);
  test("each create has its effects once, by both workers", () => createdOnce(cluster, 150), limit);
  test("sleepers wake once", () => sleepersWake(cluster, 40), limit);
  test("a killed worker's runs are taken up", () => workerGone(cluster, 0, "SIGKILL", 60), limit);
  test("all restart under load, and nothing fails", () => rollingRestart(cluster, 1_500, 50), limit);
});
