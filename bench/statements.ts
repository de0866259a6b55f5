import { createConnection, createServer, type Socket } from "node:net";

/** A statement as it went to PostgreSQL, with the types it declared for its parameters (0: PostgreSQL finds out). */
export interface SentStatement {
  readonly text: string;
  readonly types: readonly number[];
  /** As text; undefined where the statement came without a message that binds any. */
  readonly params: readonly (string | null)[];
  /** Whether PostgreSQL had its text, and perhaps a plan for it, from before. */
  readonly prepared: boolean;
}

/** A reader of zero-ended texts and numbers in one message of the protocol. */
class Message {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return text;
  }

  short(): number {
    this.#at += 2;
    return this.#bytes.readUInt16BE(this.#at - 2);
  }

  int(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  bytes(length: number): string {
    this.#at += length;
    return this.#bytes.toString("utf8", this.#at - length, this.#at);
  }
}

/** Listens to one client: Parse gives a statement, Bind its parameters. */
function createListener(hear: (statement: SentStatement) => void) {
  const prepared = new Map<string, { text: string; types: number[]; used: boolean }>();
  let rest: Buffer = Buffer.alloc(0);
  let greeted = false;

  function read(kind: string, body: Buffer): void {
    const message = new Message(body);
    if (kind === "Q") return hear({ text: message.text(), types: [], params: [], prepared: false });
    if (kind === "P") {
      const [name, text] = [message.text(), message.text()];
      prepared.set(name, { text, types: Array.from({ length: message.short() }, () => message.int()), used: false });
    }
    if (kind === "B") {
      message.text();
      const known = prepared.get(message.text());
      for (let formats = message.short(); formats > 0; formats--) message.short();
      const params = Array.from({ length: message.short() }, () => {
        const length = message.int();
        return length < 0 ? null : message.bytes(length);
      });
      if (known) hear({ text: known.text, types: known.types, params, prepared: known.used });
      if (known) known.used = true;
    }
  }

  return (part: Buffer): void => {
    rest = Buffer.concat([rest, part]);
    for (;;) {
      // The first message has no kind.
      const head = greeted ? 1 : 0;
      if (rest.length < head + 4) return;
      const length = head + rest.readInt32BE(head);
      // A length counts itself; anything else is not this protocol.
      if (length < head + 4) throw new Error("a client of the tap speaks another protocol");
      if (rest.length < length) return;
      if (greeted) read(String.fromCharCode(rest[0] ?? 0), rest.subarray(head + 4, length));
      greeted = true;
      rest = rest.subarray(length);
    }
  };
}

export interface Tap {
  /** The database's URL through the tap. */
  readonly url: string;
  /** What was sent while `work` ran, in order. */
  during(work: () => Promise<unknown>): Promise<SentStatement[]>;
  close(): Promise<void>;
}

/** A door to a PostgreSQL on TCP that hears every statement which goes through: the real ones, however they came about. */
export async function tapStatements(databaseUrl: string): Promise<Tap> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let heard: SentStatement[] = [];
  const server = createServer((client) => {
    const database = createConnection({ host: target.hostname, port: Number(target.port || 5432) });
    const listen = createListener((statement) => void heard.push(statement));
    for (const [from, to] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    client.on("data", listen);
    client.pipe(database);
    database.pipe(client);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  const url = new URL(databaseUrl);
  url.hostname = "127.0.0.1";
  url.port = String(typeof address === "object" && address !== null ? address.port : 0);
  return {
    url: url.toString(),
    async during(work) {
      heard = [];
      await work();
      const sent = heard;
      heard = [];
      return sent;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

const quoted = (value: string | null): string => (value === null ? "NULL" : `'${value.replaceAll("'", "''")}'`);
const declared = (type: number): string => (type === 25 ? "text" : "unknown");

/** SQL that prepares a heard statement as `name`, and the EXECUTE of it with the parameters it was heard with. */
export function asPrepared(name: string, { text, types, params }: SentStatement): { prepare: string; execute: string } {
  const kinds = params.map((_, i) => declared(types[i] ?? 0));
  return {
    prepare: `PREPARE ${name}${kinds.length > 0 ? ` (${kinds.join(", ")})` : ""} AS ${text}`,
    execute: `EXECUTE ${name}${params.length > 0 ? `(${params.map(quoted).join(", ")})` : ""}`,
  };
}
