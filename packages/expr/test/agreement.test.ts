import fc from "fast-check";
import type postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../src/functions/index.ts";
import { lower, trimmed, upper } from "../src/text.ts";
import { toInstant, toLocal } from "../src/zone.ts";
import { disagreements, rounds } from "./agreement.ts";
import { connect } from "./database.ts";
import { casedByUnicode16 } from "./generate.ts";

let sql: postgres.Sql;
beforeAll(() => {
  sql = connect();
});
afterAll(() => sql.end());

/** Expressions, and rows that each of them is evaluated on; more of both find more, at about 3,000 expressions a second. */
const ROUNDS = 40;
const EXPRESSIONS = 60;
const ROWS = 20;

describe("in memory and in PostgreSQL", () => {
  test("every expression gives the same on every record", { timeout: 60_000 }, async () => {
    const used = new Set<string>();
    for (const round of fc.sample(rounds(ROWS, EXPRESSIONS), { numRuns: ROUNDS, seed: 20_260_131 })) {
      expect(await disagreements(sql, round, used)).toEqual([]);
    }
    // A new function that the generator does not know would be proved by nothing.
    expect(operations.map((o) => o.key).filter((key) => !used.has(key))).toEqual([]);
  });

  test("the comparison would notice a difference", async () => {
    const [round] = fc.sample(rounds(1, 1), { numRuns: 1, seed: 1 });
    const later = { ...round!, sources: ["now"], now: new Date(0) };
    const shifted = { ...later, now: Object.assign(new Date(0), { toISOString: () => "1970-01-01T00:00:01.000Z" }) };
    expect(await disagreements(sql, later, new Set())).toEqual([]);
    expect(await disagreements(sql, shifted, new Set())).toMatchObject([{ memory: "0", database: "1000000" }]);
  });

  test("case is the same for every character there is", async () => {
    const [row] = await sql<{ all: string; lower: string; upper: string }[]>`
      SELECT string_agg(chr(c), '|') AS all, string_agg(lower(chr(c)), '|') AS lower, string_agg(upper(chr(c)), '|') AS upper
      FROM generate_series(1, 1114111) c WHERE c NOT BETWEEN 55296 AND 57343 AND c <> 124`;
    const [all, lowered, uppered] = [row!.all, row!.lower, row!.upper].map((text) => text.split("|"));
    const differ = all!.filter((letter, i) => lower(letter) !== lowered![i] || upper(letter) !== uppered![i]);
    expect(all).toHaveLength(1_112_062);
    expect(differ.filter((letter) => !casedByUnicode16.test(letter))).toEqual([]);
    const [server] = await sql<{ major: number; provider: string }[]>`
      SELECT current_setting('server_version_num')::int / 10000 AS major, datlocprovider AS provider
      FROM pg_database WHERE datname = current_database()`;
    const isEmbedded = server?.major === 18 && server.provider === "b";
    if (isEmbedded) expect(differ).toEqual([]);
  });

  test("the clocks of time zones are the same, changes included", async () => {
    const zones = [
      "Asia/Shanghai",
      "Asia/Kathmandu",
      "Europe/Dublin",
      "America/New_York",
      "America/Sao_Paulo",
      "Australia/Lord_Howe",
      "Pacific/Apia",
    ];
    // Every quarter of an hour may be one of a change; 105,011 of them is a step of nearly three years that visits all times of the year.
    const quarters = Array.from({ length: 2_000 }, (_, i) => ((i * 105_011) % (150 * 365 * 96)) - 70 * 365 * 96);
    for (const zone of zones) {
      const rows = await sql<{ u: string; local: string; instant: string }[]>`
        SELECT u::text, (extract(epoch FROM to_timestamp(u / 1e6) AT TIME ZONE ${zone}) * 1e6)::bigint::text AS local,
          (extract(epoch FROM (to_timestamp(u / 1e6) AT TIME ZONE 'UTC') AT TIME ZONE ${zone}) * 1e6)::bigint::text AS instant
        FROM unnest(${quarters.map((q) => String(BigInt(q) * 900_000_000n))}::bigint[]) u`;
      const here = rows.map(({ u }) => ({
        u,
        local: String(toLocal(BigInt(u), zone)),
        instant: String(toInstant(BigInt(u), zone)),
      }));
      expect(here, zone).toEqual(rows.map((row) => ({ ...row })));
    }
  });

  test("trim takes what JavaScript's takes", () => {
    const all = Array.from({ length: 0x10000 }, (_, code) => code).filter(
      (code) => String.fromCharCode(code).trim() === "",
    );
    expect(all).toEqual(trimmed);
  });
});
