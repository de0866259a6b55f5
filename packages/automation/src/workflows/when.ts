import { type CheckedExpression, type ExprScope, holds } from "@guanxi/expr";
import { asRead, asTold, type ObjectType, type Snapshot, type TenantSettings } from "@guanxi/meta";
import { isBefore, type Trigger } from "./definition.ts";

/** What a workflow's condition may speak of: the record's own fields, after the commit as far as its change tells them, `old` and `user`. */
export function whenScope(object: ObjectType, on: Trigger, snapshot: Snapshot): ExprScope {
  const user = snapshot.objects.get("user");
  return { record: isBefore(on) ? asRead(object) : asTold(object), old: true, ...(user ? { user: asRead(user) } : {}) };
}

export interface Occasion {
  readonly record: Record<string, unknown>;
  readonly old: Record<string, unknown> | null;
  readonly user: Record<string, unknown>;
  readonly now: Date;
  readonly settings: TenantSettings;
}

/** True when the condition holds or there is none; unknown (a null on the way) does not hold. */
export function whenHolds(when: CheckedExpression | undefined, occasion: Occasion): boolean {
  if (!when) return true;
  const { record, old, user, now, settings } = occasion;
  return holds(when, {
    record,
    old,
    user,
    now,
    timeZone: settings.timeZone,
    fiscalYearStart: settings.fiscalYearStart,
  });
}
