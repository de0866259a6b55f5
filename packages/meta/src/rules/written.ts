import { titleText } from "../titles.ts";
import type { Rule, RuleDefinition } from "../types.ts";
import { readExpression, type RuleSource } from "./source.ts";

/** The rules under `rules`. */
export const writtenRules = (source: RuleSource): readonly Rule[] =>
  (source.definition.rules ?? []).flatMap((rule, i) => writtenRule(rule, `/rules/${i}/when`, source));

function writtenRule(
  { name, when, at, message, messages }: RuleDefinition,
  path: string,
  source: RuleSource,
): readonly Rule[] {
  const params = { rule: name };
  const condition = readExpression(when, source, { path, old: true, kind: "bool", params });
  const told = {
    path: at === undefined ? "" : `/${at}`,
    code: "rule",
    params,
    text: titleText(message, messages),
  } as const;
  return condition === undefined ? [] : [{ when: condition, issue: () => told }];
}
