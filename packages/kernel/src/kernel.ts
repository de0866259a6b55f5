import { knows, sumRights } from "@guanxi/access";
import { type Clock, GuanxiError, systemClock } from "@guanxi/base";
import type { ObjectType, Snapshot } from "@guanxi/meta";
import { createStorage } from "@guanxi/storage";
import { insertStatement, notify, quote, recordTables, tenantSchema } from "@guanxi/store";
import { createBackups } from "./backups.ts";
import { Builds, defaultBuildSettings } from "./changes/build.ts";
import { changeSetTables, defaultChangeSetsKept } from "./changes/history.ts";
import { roleKind } from "./changes/roles.ts";
import { accessChannel, arrivedChannel, goneChannel, metaChannel } from "./channels.ts";
import { accessObjects, coreLevel, coreObjects, youngerFields } from "./core-objects.ts";
import { encryptionTables, Vault } from "./encryption/vault.ts";
import { contentsOf } from "./files/contents.ts";
import { defaultFileSettings } from "./files/env.ts";
import { createFiles } from "./files/files.ts";
import { fileTables } from "./files/tables.ts";
import { Hooks } from "./hooks.ts";
import { actorOn, Identity } from "./identity.ts";
import { createIdempotency } from "./idempotency.ts";
import type { Kernel, KernelOptions } from "./kernel-types.ts";
import { createKeys } from "./keys.ts";
import { createMetadata } from "./metadata.ts";
import { rebuildOrgChart } from "./org-chart.ts";
import { pluginTables } from "./plugins/editions.ts";
import { type RecordsEnv, withFresh, writeContext } from "./records/context.ts";
import { createRows } from "./records/create.ts";
import { createRecords } from "./records/index.ts";
import { createRetention } from "./records/retention.ts";
import { type Compiled, Snapshots } from "./snapshots.ts";
import { createTenants } from "./tenants.ts";
import type { Actor, Cause, Session, SnapshotPart } from "./types.ts";
import { Upgrades } from "./upgrade.ts";

/** Snapshots kept unless set otherwise; at about 100 KB each where no two tenants have the same objects, 50 MB. */
const defaultMaxTenants = 500;

/** In whose name the platform acts where nobody is known. */
const noUser = "00000000-0000-0000-0000-000000000000";

/** A user who goes takes their `user_position` along, so these two are all that the chart is made of. */
const orgObjects = new Set(["position", "user_position"]);

/** The kernel on a store whose shared tables are migrated. */
export async function createKernel(options: KernelOptions): Promise<Kernel> {
  const { store, observe, plugins } = options;
  const storage = await createStorage(options.files);
  const clock: Clock = options.clock ?? systemClock;
  const vault = new Vault(options.masterSecrets, options.maxTenantsCached ?? defaultMaxTenants);
  const components = [
    ...[recordTables, changeSetTables, encryptionTables, fileTables, pluginTables],
    ...(options.components ?? []),
  ];
  const core = { level: coreLevel, objects: coreObjects, younger: youngerFields };
  const upgrades = new Upgrades({ store, components, core, plugins, vault, observe });
  const snapshots = new Snapshots({
    store,
    observe,
    clock,
    upgrades,
    parts: options.parts ?? [],
    maxTenants: options.maxTenantsCached ?? defaultMaxTenants,
    settle: async (compiled, blocked) => {
      // What comes with a plugin belongs to whoever has the administrator's role, as what came at first does.
      const [role] = await store.sql<{ owner: string }>(
        `SELECT owner FROM ${quote(compiled.tenant.schema)}.role WHERE administrator ORDER BY created_at, id LIMIT 1`,
      );
      const session = sessionOn(compiled, systemActor(compiled, role?.owner ?? ""), { depth: 0 });
      return metadata.plugins.settle(session, undefined, blocked);
    },
  });
  const identity = new Identity(store, clock);
  const hooks = new Hooks();
  const listeners: ((tenant: string) => void)[] = [];
  const arrivals = new Set<(tenant: string | undefined) => void>();

  const sessionOn = (compiled: Compiled, actor: Actor, cause: Cause): Session => ({
    tenant: compiled.tenant,
    actor: actorOn(compiled.snapshot, actor),
    snapshot: compiled.snapshot,
    connection: store,
    cause,
    now: clock.now(),
    part: <T>(part: SnapshotPart<T>) => compiled.parts.get(part.name) as T,
  });

  /** What is committed by now. */
  async function newest(tenant: string): Promise<Compiled> {
    const compiled = await snapshots.get(tenant);
    const [row] = await store.sql<{ version: number }>(`SELECT version FROM ${quote(compiled.tenant.schema)}._meta`);
    if (compiled.snapshot.version === row?.version) return compiled;
    snapshots.forget(tenant);
    return snapshots.reload(tenant);
  }

  async function refresh(session: Session): Promise<Session> {
    if (session.connection.inTransaction) {
      // Whoever holds a connection waits for no other one.
      const previous = snapshots.last(session.tenant.id);
      const compiled = await snapshots.compile(session.connection, session.tenant, previous);
      return { ...sessionOn(compiled, session.actor, session.cause), connection: session.connection, now: session.now };
    }
    const compiled = await newest(session.tenant.id);
    if (compiled.snapshot === session.snapshot) return session;
    return { ...sessionOn(compiled, session.actor, session.cause), now: session.now };
  }

  async function accessAftermath(session: Session, object: ObjectType): Promise<void> {
    const { connection, tenant } = session;
    // One at a time, so that the chart is made from everything committed; and told with the commit, so that no node misses it.
    await connection.sql(`SELECT FROM ${quote(tenant.schema)}._meta FOR UPDATE`);
    if (orgObjects.has(object.name)) await rebuildOrgChart(session);
    await notify(connection, accessChannel, tenant.id);
    store.afterCommit(connection, () => identity.forget(tenant.id));
  }

  const env: RecordsEnv = {
    store,
    hooks,
    vault,
    observe,
    refresh,
    committed: (session) => {
      for (const hear of listeners) hear(session.tenant.id);
    },
    aftermath: (object) => (accessObjects.has(object.name) ? (session) => accessAftermath(session, object) : undefined),
  };
  const records = createRecords(env);
  const builds = new Builds({ store, observe, settings: { ...defaultBuildSettings, ...options.changes } });

  const systemActor = ({ snapshot }: Compiled, user: string): Actor => ({
    user,
    record: { id: user },
    name: "System",
    email: null,
    locale: snapshot.settings.locale,
    rights: sumRights([{ all: true, rights: {}, defaultRights: [], systemRights: [] }]),
    roles: [],
    positions: [],
  });

  const systemSession = async (tenant: { id: string }, user: string): Promise<Session> => {
    const compiled = await snapshots.get(tenant.id);
    return sessionOn(compiled, systemActor(compiled, user), { depth: 0 });
  };

  function forgetTenant(tenant: string): void {
    snapshots.drop(tenant);
    identity.forget(tenant);
    vault.forget(tenantSchema(tenant));
  }

  const tenants = createTenants({
    store,
    vault,
    storage,
    plugins,
    components,
    systemSession,
    async insertUser(session, id, values) {
      const object = session.snapshot.objects.get("user");
      if (!object) throw new Error("the core has no user");
      const { value } = object.prepareCreate(values, { now: session.now });
      const grant = { read: { kind: "all" }, write: { kind: "all" }, references: new Map(), walks: new Map() } as const;
      // The first user cannot own themselves before they are there.
      await store.run(insertStatement(object, grant, writeContext(session), [{ ...value, id }]));
    },
    createRows: (session, object, values) => createRows(env, session, object, values, (i) => `/${i}`),
    forget: forgetTenant,
  });
  const { sweep, ...backups } = createBackups({
    store,
    contents: contentsOf(storage),
    components,
    observe,
    get: tenants.get,
    list: tenants.list,
    forget: forgetTenant,
  });
  await sweep();

  const metadata = createMetadata({
    snapshots,
    records: env,
    builds,
    plugins,
    kinds: [roleKind({ plugins, records, refresh })],
    changeSetsKept: options.changeSetsKept ?? defaultChangeSetsKept,
  });
  const snapshotOf = async (id: string): Promise<Snapshot> => (await newest(id)).snapshot;
  const files = createFiles(
    {
      ...{ storage, observe, records: env, tenants: tenants.list, snapshot: snapshotOf },
      settings: { ...defaultFileSettings, ...options.files },
    },
    records,
  );
  const retention = createRetention({
    ...{ records: env, observe, tenants: tenants.list },
    async session(tenant) {
      const compiled = await newest(tenant);
      return systemSession(compiled.tenant, noUser);
    },
  });
  const idempotency = createIdempotency(store, observe);
  const listening = await Promise.all([
    store.listen(
      metaChannel,
      (tenant) => snapshots.forget(tenant),
      () => snapshots.forgetAll(),
    ),
    store.listen(
      accessChannel,
      (tenant) => identity.forget(tenant),
      () => identity.forgetAll(),
    ),
    store.listen(goneChannel, forgetTenant),
    store.listen(
      arrivedChannel,
      (tenant) => {
        forgetTenant(tenant);
        for (const hear of arrivals) hear(tenant);
      },
      () => {
        for (const hear of arrivals) hear(undefined);
      },
    ),
  ]);

  async function sessionOf(tenant: string, user: string, cause: Cause): Promise<Session> {
    const compiled = await snapshots.get(tenant);
    const actor = await identity.actor(tenant, user, compiled.snapshot.settings.locale);
    if (!actor) throw new GuanxiError("UNAUTHENTICATED");
    return sessionOn(compiled, actor, cause);
  }

  async function find(
    session: Session,
    look: (session: Session) => ObjectType | undefined,
  ): Promise<{ session: Session; object: ObjectType }> {
    let current = session;
    let object = look(current);
    if (!object) {
      current = await refresh(session);
      object = look(current);
    }
    if (!object || !knows(object, current.actor.rights)) throw new GuanxiError("NOT_FOUND");
    return { session: current, object };
  }

  return {
    store,
    records,
    metadata,
    tenants: {
      ...tenants,
      ...backups,
      snapshot: snapshotOf,
      upgrade: (id) => upgrades.ensure(id, tenantSchema(id)),
      async rewrapKeys() {
        const all = await tenants.list();
        let rewrapped = 0;
        for (const { id, schema } of all) {
          await upgrades.ensure(id, schema);
          if (await store.transaction((tx) => vault.rewrap(tx, schema))) rewrapped++;
        }
        return { tenants: all.length, rewrapped };
      },
    },
    keys: createKeys({
      store,
      rightsOf: async ({ tenant, actor }, user) => (await identity.actor(tenant.id, user, actor.locale))?.rights,
      forget: (tenant) => identity.forget(tenant),
    }),
    files,
    retention,
    idempotency,
    snapshotsCached: () => snapshots.size,
    hooks,
    async authenticate(credential, requestId) {
      const { tenant, user } = await identity.credential(credential);
      return sessionOf(tenant, user, { request: requestId, depth: 0 });
    },
    sessionFor: sessionOf,
    refresh,
    objectByPlural: (session, plural) => find(session, (s) => s.snapshot.plurals.get(plural)),
    objectByName: (session, name) => find(session, (s) => s.snapshot.objects.get(name)),
    transaction: (session, work) =>
      withFresh(env, session, (s) => store.transaction((connection) => work({ ...s, connection }))),
    onCommitted: (hear) => void listeners.push(hear),
    onArrived(hear) {
      arrivals.add(hear);
      return () => void arrivals.delete(hear);
    },
    async close() {
      idempotency.stop();
      await builds.stop();
      await Promise.all(listening.map((l) => l.stop()));
    },
  };
}
