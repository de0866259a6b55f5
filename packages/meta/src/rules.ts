import type { Issue } from "@guanxi/base";
import { checkExpression, ExpressionError, type ExprObject, holds } from "@guanxi/expr";
import type { Report } from "./report.ts";
import { titleText } from "./titles.ts";
import type { Rule, RuleContext, RuleDefinition, TenantSettings } from "./types.ts";

/** Type-checks the rules of an object; faults are reported at `/rules/<i>/when` with their position. */
export function compileRules(
  definitions: readonly RuleDefinition[],
  record: ExprObject,
  user: ExprObject | undefined,
  report: Report,
): readonly Rule[] {
  const scope = { record, old: true, ...(user === undefined ? {} : { user }) };
  return definitions.flatMap(({ name, when, at, message, messages }, i) => {
    try {
      return { name, when: checkExpression(when, scope, "bool"), at, message: titleText(message, messages) };
    } catch (e) {
      if (!(e instanceof ExpressionError)) throw e;
      report.add(`/rules/${i}/when`, "expression", { rule: name }, { text: e.text, position: e.position });
      return [];
    }
  });
}

export type RuleSettings = Pick<TenantSettings, "timeZone" | "fiscalYearStart">;

/** One issue for each rule that holds; a rule whose condition is unknown refuses nothing. */
export function brokenRules(
  rules: readonly Rule[],
  settings: RuleSettings,
  record: Record<string, unknown>,
  old: Record<string, unknown> | null,
  { now, user }: RuleContext,
): readonly Issue[] {
  if (rules.length === 0) return [];
  const { timeZone, fiscalYearStart } = settings;
  const environment = { record, old, user, now, timeZone, fiscalYearStart };
  return rules
    .filter((rule) => holds(rule.when, environment))
    .map(({ name, at, message }) => ({
      path: at === undefined ? "" : `/${at}`,
      code: "rule",
      params: { rule: name },
      text: message,
    }));
}
