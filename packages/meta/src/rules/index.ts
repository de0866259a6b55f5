import type { Issue } from "@guanxi/base";
import { holds } from "@guanxi/expr";
import { mostRules } from "../keyword-values.ts";
import type { Report } from "../report.ts";
import type { ObjectDefinition, RecordValue, Rule, RuleContext, TenantSettings } from "../types.ts";
import { checkDepends, dependRules } from "./depends.ts";
import { Picklists } from "./picklists.ts";
import { checkRecordTypes, recordTypeRules, withoutOwnStates } from "./record-types.ts";
import type { RuleSource } from "./source.ts";
import { checkStates, stateRules } from "./states.ts";
import { conditionalRules } from "./when.ts";
import { writtenRules } from "./written.ts";

export { compileDefaults } from "./defaults.ts";
export type { RuleSource } from "./source.ts";

/** Reports what `states`, `dependsOn` and `recordTypes` name in a well-formed definition and is not there. */
export function checkRuleNames(definition: ObjectDefinition, report: Report): void {
  const picklists = new Picklists(definition, report);
  checkStates(definition.states ?? {}, "/states", picklists);
  checkDepends(definition, picklists);
  checkRecordTypes(definition, picklists);
}

/**
 * Everything that a definition refuses records for by comparing their fields, as conditions: the written rules first. An expression that does not
 * type-check is reported where it stands.
 */
export function compileRules(source: RuleSource): readonly Rule[] {
  const rules = [
    ...writtenRules(source),
    ...conditionalRules(source),
    ...stateRules(source.definition.states ?? {}, source, withoutOwnStates(source)),
    ...dependRules(source),
    ...recordTypeRules(source),
  ];
  if (rules.length > mostRules) sayTooMany(rules.length, source.report);
  return rules;
}

/** A condition costs every write the same, whichever keyword it comes from. */
const sayTooMany = (count: number, report: Report): void =>
  report.say(
    "",
    `rules, requiredWhen, readonlyWhen, states, dependsOn and recordTypes come to ${count} conditions; ${mostRules} are possible`,
    `rules、requiredWhen、readonlyWhen、states、dependsOn、recordTypes 共 ${count} 个条件，最多 ${mostRules} 个`,
    `rules、requiredWhen、readonlyWhen、states、dependsOn、recordTypes 共 ${count} 個條件，最多 ${mostRules} 個`,
  );

export type RuleSettings = Pick<TenantSettings, "timeZone" | "fiscalYearStart">;

/** One issue for each rule that holds; a rule whose condition is unknown refuses nothing. */
export function brokenRules(
  rules: readonly Rule[],
  settings: RuleSettings,
  record: RecordValue,
  old: RecordValue | null,
  { now, user }: RuleContext,
): readonly Issue[] {
  if (rules.length === 0) return [];
  const { timeZone, fiscalYearStart } = settings;
  const environment = { record, old, user, now, timeZone, fiscalYearStart };
  return rules.filter((rule) => holds(rule.when, environment)).map((rule) => rule.issue(record, old));
}
