import { GuanxiError, newId, type Observe, text } from "@guanxi/base";
import { compileSnapshot, diffSnapshots } from "@guanxi/meta";
import {
  asOnlyRestore,
  BackupReader,
  backendOf,
  compileDdl,
  type Connection,
  type Contents,
  damaged,
  dropAbandoned,
  type LoadedTenant,
  loadTenants,
  type OwnConnection,
  publishTenants,
  quote,
  refuseTaken,
  type RestorePlan,
  stagingOf,
  type Store,
  type TenantComponent,
  writeBackup,
} from "@guanxi/store";
import { createCompressor, createPipe, decompressed, toWeb } from "./backup-stream.ts";
import { arrivedChannel } from "./channels.ts";
import { hashKey, newKey, prefixOf } from "./identity.ts";
import { parseCopy, tenantIdPattern, tenantIdRule } from "./new-tenant.ts";
import { loadStored, storedObjects } from "./stored.ts";
import type { CreatedTenant } from "./tenants.ts";
import type { Tenant } from "./types.ts";

/** A backup that can be sent. */
export interface Backup {
  /** For a file: `demo-2026-11-22T08-30-00Z.guanxi`. */
  readonly name: string;
  /** Starts it; CONFLICT while another is under way. Its bytes come as fast as they are taken; an error of the stream means that they are worthless. */
  open(): ReadableStream<Uint8Array>;
}

export interface RestoreOptions {
  /** The one tenant of the backup to restore, by its id there; all when absent. */
  readonly tenant?: string;
  /** Its new id, which must be free. */
  readonly as?: string;
}

export interface RestoredTenant extends CreatedTenant {
  /** The id in the backup. */
  readonly from: string;
  readonly objects: number;
  /** Of all its tables. */
  readonly rows: number;
}

interface Env {
  readonly store: Store;
  readonly components: readonly TenantComponent[];
  readonly contents: Contents;
  readonly observe: Observe;
  get(id: string): Promise<Tenant>;
  list(): Promise<readonly Tenant[]>;
  forget(tenant: string): void;
}

/** Tenants of a backup that a refusal names. */
const namedTenants = 20;

/** `2026-11-22T08-30-00Z`: what every file system takes. */
const stamp = (): string => new Date().toISOString().replace(/\.\d+/, "").replaceAll(":", "-");

export function createBackups(env: Env) {
  const { store, contents, observe } = env;
  const failed = (task: string) => (error: unknown) => observe({ kind: "background_failed", task, error });
  /** Each takes a connection and holds a tenant's tables. */
  let underWay = false;

  /** Writes the tenants to `target` unless a backup is under way; CONFLICT then. */
  function start(tenants: readonly Tenant[], target: ReturnType<typeof createPipe>): Promise<void> {
    if (underWay)
      throw new GuanxiError("CONFLICT", {
        detail: "A backup or copy is under way on this server; repeat when it has ended.",
      });
    underWay = true;
    return writeBackup(store, tenants, contents, target).finally(() => (underWay = false));
  }

  async function backup(id?: string): Promise<Backup> {
    const tenants = id === undefined ? await env.list() : [await env.get(id)];
    return {
      name: `${id ?? "all"}-${stamp()}.guanxi`,
      open() {
        const target = createCompressor();
        const stream = toWeb(target);
        start(tenants, target).catch((e: unknown) => {
          // A receiver who goes away is no fault.
          if ((e as { code?: string }).code !== "ERR_STREAM_PREMATURE_CLOSE") failed("backup")(e);
        });
        return stream;
      },
    };
  }

  async function load(
    reader: BackupReader,
    own: OwnConnection,
    plans: readonly RestorePlan[],
  ): Promise<RestoredTenant[]> {
    const backend = await backendOf(own);
    const loaded = await loadTenants({ own, contents, components: env.components, defineObjects }, reader, plans);
    const found = await Promise.all(loaded.map((tenant) => describe(own, tenant)));
    await publishTenants(
      own,
      backend,
      found.map(({ tenant, key }) => ({ ...tenant, key })),
      arrivedChannel,
    );
    for (const { tenant } of found) env.forget(tenant.id);
    return found.map(({ answer }) => answer);
  }

  /** Restores what `choose` picks from the tenants of a backup. */
  const restoreFrom = (
    source: AsyncIterable<Uint8Array>,
    choose: (tenants: readonly { id: string }[]) => readonly RestorePlan[],
  ): Promise<RestoredTenant[]> =>
    store.ownConnection((own) =>
      asOnlyRestore(
        own,
        contents,
        async () => {
          const reader = new BackupReader(source);
          const plans = choose((await reader.first()).tenants);
          await refuseTaken(
            own,
            plans.map((p) => p.id),
          );
          return load(reader, own, plans);
        },
        failed("remove what a restore has left"),
      ),
    );

  return {
    backup,
    async restore(body: ReadableStream<Uint8Array>, options: RestoreOptions): Promise<readonly RestoredTenant[]> {
      checkAs(options);
      const source = decompressed(body);
      try {
        return await restoreFrom(source, (tenants) => choose(tenants, options));
      } finally {
        await source.return(undefined);
      }
    },
    async copy(id: string, input: unknown): Promise<CreatedTenant> {
      const original = await env.get(id);
      const { id: wanted, name } = parseCopy(input);
      if (await store.registry.findTenant(wanted, true))
        throw new GuanxiError("CONFLICT", {
          detail: `The tenant ${wanted} is there already.`,
          issues: [{ path: "/id", code: "unique" }],
        });
      const pipe = createPipe();
      const written = start([original], pipe);
      // Where writing fails, reading does with the same error.
      written.catch(() => undefined);
      try {
        const [made] = await restoreFrom(pipe, () => [
          { from: id, id: wanted, ...(name === undefined ? {} : { name }) },
        ]);
        if (!made) throw new Error("a copy without a tenant");
        return { id: made.id, name: made.name, admin: made.admin };
      } finally {
        pipe.destroy();
        await written.catch(() => undefined);
      }
    },
    /** Removes what killed processes have left; what fails is tried again before the next restore. */
    sweep: (): Promise<void> =>
      store.ownConnection((own) => dropAbandoned(own, contents)).catch(failed("remove what a restore has left")),
  };
}

async function defineObjects(connection: Connection, schema: string): Promise<readonly string[]> {
  const found = await loadStored(connection, schema);
  // What a file says has been checked by nobody here.
  const snapshot = compileSnapshot(found.settings, found.version, storedObjects(found));
  return compileDdl(schema, diffSnapshots(undefined, snapshot), snapshot).map((step) => step.sql);
}

function checkAs({ as }: RestoreOptions): void {
  if (as === undefined || tenantIdPattern.test(as)) return;
  throw new GuanxiError("QUERY", { issues: [{ path: "as", code: "parameter", text: tenantIdRule }] });
}

function choose(tenants: readonly { id: string }[], { tenant, as }: RestoreOptions): readonly RestorePlan[] {
  const ids = tenants.map((t) => t.id);
  if (!ids.every((id) => tenantIdPattern.test(id))) throw damaged("it names a tenant by what is no id.");
  if (tenant !== undefined && !ids.includes(tenant)) {
    const named = ids.slice(0, namedTenants).join(", ") + (ids.length > namedTenants ? ", …" : "");
    throw new GuanxiError("NOT_FOUND", { detail: `The backup has no tenant ${tenant}; it has: ${named}` });
  }
  const wanted = tenant === undefined ? ids : [tenant];
  if (as !== undefined && wanted.length !== 1)
    throw new GuanxiError("QUERY", {
      issues: [
        {
          path: "as",
          code: "parameter",
          text: text(
            "is for one tenant; name it with tenant, since the backup has {count}",
            "只用于一个租户；备份中有 {count} 个，请用 tenant 指定",
            "只用於一個租戶；備份中有 {count} 個，請用 tenant 指定",
          ),
          params: { count: wanted.length },
        },
      ],
    });
  return wanted.map((from) => ({ from, id: as ?? from }));
}

/** What the answer says of a loaded tenant, and a new key for its administrator. */
async function describe(own: Connection, tenant: LoadedTenant) {
  const s = quote(stagingOf(tenant.id));
  const [counted] = await own.sql<{ objects: number }>(`SELECT count(*)::int AS objects FROM ${s}._object`);
  const [admin] = await own.sql<{ id: string; email: string }>(
    `SELECT u.id, u.email FROM ${s}."user" u
       JOIN ${s}.user_role h ON h.assignee = u.id AND h.deleted_at IS NULL
       JOIN ${s}.role r ON r.id = h.role AND r.deleted_at IS NULL AND r.administrator
     WHERE u.deleted_at IS NULL AND u.active IS NOT FALSE ORDER BY u.created_at, u.id LIMIT 1`,
  );
  const { id, from, name, rows } = tenant;
  const secret = newKey(id);
  const answer: RestoredTenant = {
    ...{ id, from, name, rows },
    objects: counted?.objects ?? 0,
    admin: admin ? { user: admin.id, email: admin.email, key: secret } : null,
  };
  const key = admin && {
    id: newId(),
    user: admin.id,
    name: id === from ? "key of the restore" : "first key",
    prefix: prefixOf(secret),
    hash: hashKey(secret),
  };
  return { tenant, answer, key };
}
