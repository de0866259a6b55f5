// After every installation: keeps postgres.js from ending the process when its server dies. Version 3.4.9, the latest, writes to a socket
// that is gone (github.com/porsager/postgres issues 1154 and 1208), outside of any promise; and a connection that dies with a
// write pending never sends again; a COPY may never end. Only built-in modules and nothing newer than Node.js 20.
// Does nothing the second time.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..");
const folder = join(root, "node_modules/postgres");
const version = "3.4.9";
const mark = "/* repaired by scripts/patch-postgres.mjs */";

const repairs = [
  // A statement for a connection that has closed is refused like any other on a lost connection. `true`: it moves to no other queue.
  [
    "    if (stream)\n      return queryError(q, Errors.generic('COPY_IN_PROGRESS'",
    "    if (socket === null)\n      return (queryError(q, Errors.connection('CONNECTION_CLOSED', options)), true)\n\n    if (stream)\n      return queryError(q, Errors.generic('COPY_IN_PROGRESS'",
  ],
  // What was to be written belongs to the old connection, and the next one must be able to arrange a write again.
  [
    "    clearImmediate(nextWriteTimer)\n    socket.removeListener('data', data)",
    "    clearImmediate(nextWriteTimer)\n    chunk = nextWriteTimer = null\n    socket.removeListener('data', data)",
  ],
  // Also after an error: statements may have come between that and the close.
  [
    "    !hadError && (query || sent.length) && error(Errors.connection('CONNECTION_CLOSED', options, socket))",
    "    ;(query || sent.length) && error(Errors.connection('CONNECTION_CLOSED', options, socket))",
  ],
  // An error that comes when all rows were sent is the answer to their end.
  [
    "    stream && (stream.destroy(err), stream = null)\n    query && queryError",
    "    stream && (stream.destroy(err), stream = null)\n    final && (final(err), final = null)\n    query && queryError",
  ],
  // Nobody asks a stream that has ended for more, so a socket that was paused for it would stay so.
  [
    "    stream && stream.push(null)\n    stream = null",
    "    stream && stream.push(null)\n    stream = null\n    socket.resume()",
  ],
  // The end of a COPY is a message of its own, which would else wait 40 ms for the other side to have confirmed the one before.
  [
    "      keep_alive && socket.setKeepAlive &&",
    "      socket.setNoDelay && socket.setNoDelay(true)\n      keep_alive && socket.setKeepAlive &&",
  ],
];

const installed = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
if (installed !== version) {
  throw new Error(
    `postgres is ${installed}, the repairs in scripts/patch-postgres.mjs are for ${version}: see whether they are still needed`,
  );
}
for (const path of ["src/connection.js", "cjs/src/connection.js"]) {
  const file = join(folder, path);
  let code = readFileSync(file, "utf8");
  for (const [old, repaired] of repairs) {
    if (code.includes(repaired)) continue;
    if (code.split(old).length !== 2) throw new Error(`${file} is not as published; install it anew`);
    code = code.replace(old, repaired);
  }
  writeFileSync(file, code.startsWith(mark) ? code : `${mark}\n${code}`);
}
