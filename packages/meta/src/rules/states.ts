import { type Issue, text } from "@guanxi/base";
import { compose } from "@guanxi/expr";
import type { PicklistValue, Rule, States } from "../types.ts";
import { pointer } from "../report.ts";
import { type Picklists, sayNoValue, sayOutside } from "./picklists.ts";
import type { RuleSource } from "./source.ts";

/** Key and follower that stand for no value, as on a new record. */
const nothing = "";

type Followers = States[string];

/** Reports picklists and values that are not there, and a default that no new record may have. */
export function checkStates(states: States, path: string, picklists: Picklists): void {
  for (const [name, followers] of Object.entries(states)) {
    const at = path + pointer(name);
    const picklist = picklists.find(name, at, ["picklist"]);
    if (picklist === undefined) continue;
    for (const [from, to] of Object.entries(followers)) {
      if (from !== nothing) sayNoValue(picklist, from, at + pointer(from), picklists.report);
      to.forEach((value, i) => {
        if (value !== nothing) sayNoValue(picklist, value, at + pointer(from, i), picklists.report);
      });
    }
    const beginnings = followers[nothing];
    if (beginnings !== undefined) sayOutside(picklist, beginnings, at + pointer(nothing), picklists.report);
  }
}

/** A change of each picklist must be one that is listed; `among` narrows it to some of the records. */
export const stateRules = (
  states: States,
  source: RuleSource,
  among: (picklist: string) => readonly compose.Part[],
): readonly Rule[] =>
  Object.entries(states).map(([name, followers]) => ({
    when: compose.expression(
      compose.all(
        compose.changed(compose.field(source.object, name)),
        compose.not(compose.known(compose.any(steps(name, followers, source)))),
        ...among(name),
      ),
    ),
    issue: (record, old) =>
      stateIssue(name, followers, source.fields.get(name)?.values ?? [], [old?.[name], record[name]]),
  }));

/** The steps that are possible. Where nothing is said of new records they may begin with any value. */
function steps(name: string, followers: Followers, { object }: RuleSource): readonly compose.Part[] {
  const to = compose.field(object, name);
  const from = compose.old(to);
  const begin = followers[nothing] === undefined ? [compose.isEmpty(from)] : [];
  return Object.entries(followers).reduce<readonly compose.Part[]>((all, [value, next]) => {
    const first = value === nothing ? compose.isEmpty(from) : compose.isOneOf(from, [value]);
    const values = next.filter((v) => v !== nothing);
    const then = [
      ...(values.length === 0 ? [] : [compose.isOneOf(to, values)]),
      ...(values.length === next.length ? [] : [compose.isEmpty(to)]),
    ];
    return then.length === 0 ? all : [...all, compose.all(first, compose.any(then))];
  }, begin);
}

const beginText = text("may begin with: {values}", "初始值可选：{values}", "初始值可選：{values}");
const finalText = text("nothing may follow {from}", "{from} 之后不能再更改", "{from} 之後不能再變更");

function stateIssue(
  name: string,
  followers: Followers,
  known: readonly PicklistValue[],
  [from, to]: readonly [unknown, unknown],
): Issue {
  const retired = new Set(known.filter((v) => !v.active).map((v) => v.value));
  const key = typeof from === "string" ? from : nothing;
  const next = Object.hasOwn(followers, key) ? (followers[key] ?? []) : [];
  const possible = next.filter((v) => !retired.has(v)).map((v) => (v === nothing ? "null" : v));
  const params = { from: from ?? "null", to: to ?? "null", values: possible.join(", ") };
  const words = possible.length === 0 ? finalText : typeof from === "string" ? undefined : beginText;
  return { path: `/${name}`, code: "state", params, ...(words === undefined ? {} : { text: words }) };
}
