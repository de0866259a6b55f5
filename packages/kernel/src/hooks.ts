import { GuanxiError, isGuanxiError } from "@guanxi/base";
import type { ObjectType } from "@guanxi/meta";
import type { Hook, HookScope, Session, WriteKind, WriteOperation } from "./types.ts";

/** The hooks around one request's writes of one kind, entered once and run per record. */
export interface HookChain {
  /** Runs the hooks around `core`, low order first. What a hook finds wrong gets the row's `path` in the body before its own. */
  run(operation: WriteOperation, path: string, core: () => Promise<void>): Promise<void>;
  leave(): void;
}

/** A hook knows the record, not which row of the request it is. */
function placed(e: unknown, path: string): unknown {
  if (!isGuanxiError(e) || path === "") return e;
  const { code, detail, retryAfter } = e;
  const issues = e.issues.map((issue) => ({ ...issue, path: path + issue.path }));
  return new GuanxiError(code, {
    issues,
    cause: e,
    ...(detail === undefined ? {} : { detail }),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}

export class Hooks {
  readonly #hooks: Hook[] = [];

  register(hook: Hook): void {
    this.#hooks.push(hook);
    this.#hooks.sort((a, b) => a.order - b.order);
  }

  /** Whether any has a say in such writes. */
  hasSay(session: Session, object: ObjectType, kind: WriteKind): boolean {
    return this.#hooks.some((h) => h.applies(session, object, kind));
  }

  /** Undefined when none applies, which is what lets a write be one statement. */
  async enter(session: Session, object: ObjectType, kind: WriteKind): Promise<HookChain | undefined> {
    const applying = this.#hooks.filter((h) => h.applies(session, object, kind));
    if (applying.length === 0) return undefined;
    const scopes: HookScope[] = [];
    const leave = (): void => {
      for (const scope of scopes) scope.leave();
    };
    try {
      for (const hook of applying) scopes.push(await hook.enter(session, object, kind));
    } catch (e) {
      leave();
      throw e;
    }
    return {
      async run(operation, path, core) {
        let ofCore: unknown;
        const last = (): Promise<void> =>
          core().catch((e: unknown) => {
            ofCore = e;
            throw e;
          });
        try {
          await scopes.reduceRight<() => Promise<void>>((next, scope) => () => scope.run(operation, next), last)();
        } catch (e) {
          throw e === ofCore ? e : placed(e, path);
        }
      },
      leave,
    };
  }
}
