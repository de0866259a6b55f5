/** A test's database is dropped within this many ms; longer, and something still holds it. */
const patienceMs = 20_000;

/**
 * Drops a database and ends who is still connected; `run` runs a statement on another one. An autovacuum worker that looks
 * at it just then belongs to the superuser and cannot be ended by us; it is waited for.
 */
export async function dropDatabase(run: (text: string) => Promise<unknown>, name: string): Promise<void> {
  const end = Date.now() + patienceMs;
  for (;;) {
    try {
      await run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      return;
    } catch (e) {
      const { code, sqlState } = e as { code?: string; sqlState?: string };
      if ((sqlState ?? code) !== "42501" || Date.now() > end) throw e;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
