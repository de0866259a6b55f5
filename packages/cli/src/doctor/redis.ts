import type { RedisFacts } from "@guanxi/server";
import { judgeJobs, type Server } from "./database.ts";
import { fault, type Finding, masked, ok, warning } from "./finding.ts";

const check = "redis";
/** The oldest major version that is in care. */
const leastMajor = 6;

/** The Redis of REDIS_URL. */
export async function examineRedisAt({ examineRedis }: Server, address: string): Promise<Finding[]> {
  try {
    return judgeRedis(await examineRedis(address));
  } catch (error) {
    const reason = (error as Error).message || String((error as { code?: string }).code);
    const mend = /WRONGPASS|NOAUTH|NOPERM/.test(reason)
      ? "Check user and password in REDIS_URL."
      : "Check host and port in REDIS_URL, and whether that Redis runs.";
    return [fault(check, `${masked(address)}: ${reason}`, mend)];
  }
}

export function judgeRedis(facts: RedisFacts): Finding[] {
  const { version, evictionPolicy, role, appendOnly, snapshots } = facts;
  const keeps = appendOnly ? "an append-only file" : snapshots ? "snapshots" : "nothing";
  return [
    Number.parseInt(version, 10) >= leastMajor
      ? ok(check, `Redis ${version}`)
      : warning(check, `Redis ${version}`, `Use version ${leastMajor} or later.`),
    role === "master"
      ? ok(check, "takes writes")
      : fault(check, `It is a ${role} and takes no writes.`, "Name the primary in REDIS_URL."),
    evictionPolicy === "noeviction"
      ? ok(check, "maxmemory-policy is noeviction")
      : fault(
          check,
          `maxmemory-policy is ${evictionPolicy}: it would throw jobs away.`,
          "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf.",
        ),
    appendOnly || snapshots === undefined
      ? ok(check, appendOnly ? "keeps an append-only file" : "does not tell what it keeps on disk")
      : warning(
          check,
          `It keeps ${keeps}: after a crash of Redis its jobs are found again by a sweep, which is slower.`,
          "CONFIG SET appendonly yes, and the same in redis.conf.",
        ),
    judgeJobs(facts.jobs),
  ];
}
