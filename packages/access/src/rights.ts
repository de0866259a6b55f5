/** `create`, `read`, `edit`, `delete` on what sharing gives; `view_all`, `edit_all` beyond it; `purge` to delete for good. */
export const objectRights = ["create", "read", "edit", "delete", "view_all", "edit_all", "purge"] as const;
export type ObjectRight = (typeof objectRights)[number];

export const systemRights = ["edit_metadata", "manage_users", "manage_keys", "view_runs", "reveal_encrypted"] as const;
export type SystemRight = (typeof systemRights)[number];

/** What a role grants. */
export interface RoleGrant {
  /** True for administrators: everything on every object. */
  readonly all: boolean;
  /** By object name. */
  readonly rights: Readonly<Record<string, readonly ObjectRight[]>>;
  /** For objects that `rights` does not name. */
  readonly defaultRights: readonly ObjectRight[];
  readonly systemRights: readonly SystemRight[];
}

/** What an actor's roles add up to. */
export interface Rights {
  /** True for administrators: everything on every object. */
  readonly all: boolean;
  object(name: string): ReadonlySet<ObjectRight>;
  readonly system: ReadonlySet<SystemRight>;
}

/** Roles add up: an actor may do what any of theirs allows. */
export function sumRights(roles: readonly RoleGrant[]): Rights {
  const all = roles.some((r) => r.all);
  const known = new Map<string, ReadonlySet<ObjectRight>>();
  return {
    all,
    system: new Set(all ? systemRights : roles.flatMap((r) => r.systemRights)),
    object(name) {
      let rights = known.get(name);
      if (!rights) {
        rights = new Set(
          all
            ? objectRights
            : roles.flatMap((r) => (Object.hasOwn(r.rights, name) ? (r.rights[name] ?? []) : r.defaultRights)),
        );
        known.set(name, rights);
      }
      return rights;
    },
  };
}

/** Whether `rights` reach everything that `others` reach on these objects, so that acting as the other is no way to more. */
export const covers = (rights: Rights, others: Rights, objects: Iterable<string>): boolean =>
  rights.all ||
  (!others.all &&
    others.system.isSubsetOf(rights.system) &&
    [...objects].every((name) => others.object(name).isSubsetOf(rights.object(name))));
