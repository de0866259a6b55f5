import { type Kernel, type Rights, type Session, objectRights, systemRights } from "@guanxi/kernel";
import type { ClaimedRun } from "./claim.ts";

const allRights: Rights = { all: true, object: () => new Set(objectRights), system: new Set(systemRights) };

/** Who the run acts as: its publisher, with their rights of today or, published `as` the system, with all. What it writes carries its cause. */
export async function sessionOf(
  kernel: Kernel,
  run: ClaimedRun,
  system: boolean,
  trace: string | undefined,
): Promise<Session> {
  const session = await kernel.sessionFor(run.tenant, run.actor, {
    run: run.id,
    workflow: run.workflow,
    depth: run.cause.depth,
    ...(trace === undefined ? {} : { trace }),
  });
  return withRights(session, system);
}

/** The session with all rights, for what is published `as` the system. */
export const withRights = (session: Session, system: boolean): Session =>
  system ? { ...session, actor: { ...session.actor, rights: allRights } } : session;
