import postgres from "postgres";

/** A connection to the PostgreSQL that tests run on; dates come and go as text, because JavaScript's have no microseconds. */
export function connect(): postgres.Sql {
  const url = process.env.GUANXI_TEST_DATABASE_URL;
  if (!url) throw new Error("GUANXI_TEST_DATABASE_URL is not set: these tests need a PostgreSQL, 15 to 18, in UTF-8");
  // An URL of a unix socket has no host of its own, only `?host=/path`: postgres.js needs to be told.
  const socket = /[?&]host=([^&]+)/.exec(url)?.[1];
  const asText = { to: 25, from: [1082, 1083, 1114, 1184], serialize: String, parse: String };
  return postgres(socket ? url.replace("@/", "@localhost/").replace(/[?&]host=[^&]+/, "") : url, {
    ...(socket ? { host: decodeURIComponent(socket) } : {}),
    max: 1,
    onnotice: () => {},
    // What an expression means must not depend on the session.
    connection: { TimeZone: "Pacific/Chatham", IntervalStyle: "sql_standard" },
    types: { date: asText },
  });
}
