import { randomBytes } from "node:crypto";
import { GuanxiError, Recent } from "@guanxi/base";
import { type Connection, quote, type TenantComponent } from "@guanxi/store";
import { keyBytes, type MasterKey, masterKey, open, seal } from "./aes.ts";

/** Secrets that wrap the tenants' keys: the present one, and earlier ones that may still wrap some. */
export interface MasterSecrets {
  readonly current: string;
  readonly previous: readonly string[];
}

/** A tenant's key as it lies in the database, wrapped by a master key. */
export const encryptionTables: TenantComponent = {
  name: "encryption",
  migrations: [
    `CREATE TABLE {schema}._key (
      id int PRIMARY KEY,
      master text NOT NULL,
      wrapped bytea NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );`,
  ],
};

interface KeyRow extends Record<string, unknown> {
  readonly id: number;
  readonly master: string;
  /** Base64. */
  readonly wrapped: string;
}

/** Says what a wrapped key is, so that nothing else can pass for one. */
const purpose = "guanxi tenant key";

const noMaster = (): GuanxiError =>
  new GuanxiError("UNAVAILABLE", {
    detail: "Encrypted fields need a master key: the operator sets GUANXI_MASTER_KEY.",
  });

/** The tenants' keys, each unwrapped once. A tenant has one as soon as it has an encrypted field. */
export class Vault {
  readonly #masters: readonly MasterKey[];
  readonly #keys: Recent<string, Uint8Array>;

  constructor(secrets: MasterSecrets | undefined, mostTenants: number) {
    this.#masters = secrets ? [secrets.current, ...secrets.previous].map(masterKey) : [];
    this.#keys = new Recent(mostTenants);
  }

  /** The tenant's key; UNAVAILABLE where no master key opens it. */
  async key(connection: Connection, schema: string): Promise<Uint8Array> {
    const known = this.#keys.get(schema);
    if (known) return known;
    const [row] = await keyRows(connection, schema);
    if (!row) throw new Error(`${schema} has an encrypted field and no key`);
    const key = this.#unwrap(row);
    this.#keys.set(schema, key);
    return key;
  }

  /** Gives the tenant a key where it has none, in the transaction that brings its first encrypted field. */
  async ensure(tx: Connection, schema: string): Promise<void> {
    const [known] = await keyRows(tx, schema);
    if (known) return;
    const wrapped = this.#wrap(randomBytes(keyBytes));
    await tx.sql(`INSERT INTO ${quote(schema)}._key (id, master, wrapped) VALUES (1, $1, decode($2, 'base64'))`, [
      wrapped.master,
      wrapped.wrapped,
    ]);
  }

  /** Wraps the tenant's key by the present master key, if an earlier one does; → whether. */
  async rewrap(tx: Connection, schema: string): Promise<boolean> {
    const [row] = await keyRows(tx, schema, "FOR UPDATE");
    if (!row) return false;
    const [current] = this.#masters;
    if (!current) throw noMaster();
    if (row.master === current.id) return false;
    const wrapped = this.#wrap(this.#unwrap(row));
    await tx.sql(`UPDATE ${quote(schema)}._key SET master = $1, wrapped = decode($2, 'base64') WHERE id = $3`, [
      wrapped.master,
      wrapped.wrapped,
      row.id,
    ]);
    return true;
  }

  /** A tenant of this name may be another one by now. */
  forget(schema: string): void {
    this.#keys.delete(schema);
  }

  #wrap(key: Uint8Array): { master: string; wrapped: string } {
    const [current] = this.#masters;
    if (!current) throw noMaster();
    return { master: current.id, wrapped: seal(current.key, key, purpose).toString("base64") };
  }

  #unwrap({ master, wrapped }: KeyRow): Uint8Array {
    const found = this.#masters.find(({ id }) => id === master);
    if (found) return new Uint8Array(open(found.key, Buffer.from(wrapped, "base64"), purpose));
    if (this.#masters.length === 0) throw noMaster();
    throw new GuanxiError("UNAVAILABLE", {
      detail: `The tenant's key is wrapped by another master key (${master}): the operator names it in GUANXI_MASTER_KEY or GUANXI_MASTER_KEY_PREVIOUS.`,
    });
  }
}

const keyRows = (connection: Connection, schema: string, lock = ""): Promise<KeyRow[]> =>
  connection.sql<KeyRow>(`SELECT id, master, encode(wrapped, 'base64') AS wrapped FROM ${quote(schema)}._key ${lock}`);
