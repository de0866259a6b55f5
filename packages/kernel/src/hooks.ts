import type { ObjectType } from "@guanxi/meta";
import type { Hook, HookScope, Session, WriteKind, WriteOperation } from "./types.ts";

/** The hooks around one request's writes of one kind, entered once and run per record. */
export interface HookChain {
  /** Runs the hooks around `core`, low order first. */
  run(operation: WriteOperation, core: () => Promise<void>): Promise<void>;
  leave(): void;
}

export class Hooks {
  readonly #hooks: Hook[] = [];

  register(hook: Hook): void {
    this.#hooks.push(hook);
    this.#hooks.sort((a, b) => a.order - b.order);
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
      run: (operation, core) =>
        scopes.reduceRight<() => Promise<void>>((next, scope) => () => scope.run(operation, next), core)(),
      leave,
    };
  }
}
