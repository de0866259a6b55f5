import { sumRights } from "@guanxi/access";
import { compileSnapshot } from "@guanxi/meta";
import type { Connection } from "@guanxi/store";
import { storedBases } from "../plugins/brought.ts";
import { editionOf } from "../plugins/editions.ts";
import type { Plugin, Session } from "../types.ts";
import { planObjects, stillUsed } from "./engine.ts";
import { each } from "./faults.ts";
import { parseChangeSet } from "./parse.ts";
import { checkRole } from "./roles.ts";
import type { Written } from "./types.ts";

/** A tenant that is nowhere but here. */
const settings = {
  ...({ tenant: "draft", schema: "t_draft", locale: "en", timeZone: "UTC" } as const),
  ...{ currency: "USD", country: "US", fiscalYearStart: 1 },
};

const refuse = (): Promise<never> => Promise.reject(new Error("there is no database"));
const nowhere: Connection = { run: refuse, sql: refuse, inTransaction: false };

export interface DraftTenant {
  /** On the metadata that a new tenant with the change set would have; there is no database behind it. */
  readonly session: Session;
  /** What the change set holds of the further kinds, for others to check. */
  readonly others: ReadonlyMap<string, readonly Written<unknown>[]>;
}

/** Applies the objects, roles and settings of a change set to a new tenant of all these plugins, in memory. Throws what is wrong with them. */
export async function draftTenant(
  body: unknown,
  plugins: readonly Plugin[],
  kinds: readonly string[],
): Promise<DraftTenant> {
  const set = parseChangeSet(body, ["roles", ...kinds]);
  let id = 1;
  const nextId = (): number => id++;
  const editions = new Map(plugins.map((plugin) => [plugin.name, editionOf(plugin)]));
  const stored = storedBases(editions, nextId);
  const snapshot = compileSnapshot(settings, 1, stored);
  const fresh = sessionOn(snapshot, plugins);
  const { next, dependents, broken } = await planObjects([], fresh, { stored, editions }, set, nextId);
  if (broken || next === undefined) throw stillUsed(dependents);
  const session = { ...fresh, snapshot: next };
  await each(set.others.get("roles") ?? [], ({ value }) => checkRole(session, value));
  return { session, others: set.others };
}

function sessionOn(snapshot: Session["snapshot"], plugins: readonly Plugin[]): Session {
  const now = new Date();
  const { tenant, schema } = settings;
  return {
    tenant: {
      id: tenant,
      name: tenant,
      schema,
      plugins: plugins.map(({ name }) => name),
      createdAt: now.toISOString(),
    },
    actor: {
      ...{ user: "", record: {}, name: "", email: null, locale: "en", roles: [], positions: [] },
      rights: sumRights([{ all: true, rights: {}, defaultRights: [], systemRights: [] }]),
    },
    snapshot,
    connection: nowhere,
    cause: { depth: 0 },
    now,
    part: () => {
      throw new Error("there is no database");
    },
  };
}
