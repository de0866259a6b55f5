// A server process for the tests: starts PostgreSQL on the folder named on its command line and waits to be killed.
import { startEmbeddedPostgres } from "../src/embedded/embedded.ts";

const database = await startEmbeddedPostgres({ dataDir: process.argv[2] ?? "", observe: () => {} });
process.stdout.write(`${JSON.stringify({ pid: database.pid, connection: database.connection })}\n`);
setInterval(() => {}, 60_000);
