// Two APIs and two workers on one database, with the queue in Redis, and what becomes of them when Redis forgets or is gone. For those who
// ask for everything, like the other suite.
import { afterAll, beforeAll, describe, test } from "vitest";
import { type Cluster, startCluster } from "./cluster.ts";
import { hasRedis } from "./redis.ts";
import { prepare } from "./evidence.ts";
import { redisEmptied, redisEmptiedAtRest, redisGone } from "./redis-scenarios.ts";
import { createdOnce, workerGone } from "./scenarios.ts";

const why = hasRedis ? "" : " (skipped: this machine has no redis-server)";

describe.skipIf(!hasRedis || process.env["GUANXI_TEST_ALL"] !== "1")(
  `two APIs and two workers, queue in Redis${why}`,
  () => {
    let cluster: Cluster;
    beforeAll(async () => {
      cluster = await startCluster("redis", { GUANXI_DRAIN_MS: "1000" });
      await prepare(cluster);
    }, 120_000);
    afterAll(() => (cluster as Cluster | undefined)?.close(), 60_000);

    const limit = 120_000;
    test("each create has its effects once, by both workers", () => createdOnce(cluster, 100), limit);
    test(
      "a worker that is told to end leaves its work to the other",
      () => workerGone(cluster, 1, "SIGTERM", 60),
      limit,
    );
    test("a killed worker's runs are taken up", () => workerGone(cluster, 0, "SIGKILL", 60), limit);
    test("an emptied Redis loses no queued run", () => redisEmptied(cluster, 200), limit);
    test("an emptied Redis loses no sleeper", () => redisEmptiedAtRest(cluster), limit);
    test("requests are served without Redis, and work goes on when it is back", () => redisGone(cluster, 3_000), limit);
  },
);
