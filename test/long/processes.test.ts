// The scenarios of many processes in larger numbers, with the settings as an operator finds them.
import { afterAll, beforeAll, describe, test } from "vitest";
import { type Cluster, startCluster } from "../processes/cluster.ts";
import { prepare } from "../processes/evidence.ts";
import { hasRedis } from "../processes/redis.ts";
import { redisEmptied, redisEmptiedAtRest, redisGone } from "../processes/redis-scenarios.ts";
import {
  createdOnce,
  keysRevoked,
  metadataEverywhere,
  rollingRestart,
  sleepersWake,
  workerGone,
} from "../processes/scenarios.ts";

describe.each(["postgres", "redis"] as const)("two APIs and two workers, queue in %s", (queue) => {
  describe.skipIf(queue === "redis" && !hasRedis)("as one", () => {
    let cluster: Cluster;
    beforeAll(async () => {
      cluster = await startCluster(queue);
      await prepare(cluster);
    }, 120_000);
    afterAll(() => (cluster as Cluster | undefined)?.close(), 60_000);

    test("what one node defines, the other uses in its next request", () => metadataEverywhere(cluster, 20));
    test("a revoked key is refused everywhere", () => keysRevoked(cluster, 50));
    test("each create has its effects once, by both workers", () => createdOnce(cluster, 2_000));
    test("sleepers wake once", () => sleepersWake(cluster, 200));
    test("a worker that is told to end leaves its work to the other", () => workerGone(cluster, 1, "SIGTERM", 200));
    test("a killed worker's runs are taken up", () => workerGone(cluster, 0, "SIGKILL", 200));
    test("all restart under load, and nothing fails", () => rollingRestart(cluster, 30_000, 5));
    if (queue === "postgres") return;
    test("an emptied Redis loses no queued run", () => redisEmptied(cluster, 1_000));
    test("an emptied Redis loses no sleeper", () => redisEmptiedAtRest(cluster));
    test("requests are served without Redis, and work goes on when it is back", () => redisGone(cluster, 15_000));
  });
});
