import { isObject, type Issue, type Locale, type Text, text } from "@guanxi/base";
import { ExpressionError, checkExpression } from "@guanxi/expr";
import type { Session } from "@guanxi/kernel";
import type { ObjectType, Snapshot } from "@guanxi/meta";
import type { Sandbox } from "@guanxi/sandbox";
import type { TypeCheck } from "../typecheck/check.ts";
import { type Trigger, type WorkflowDefinition, isTrigger, nameLength, namePattern, triggers } from "./definition.ts";
import { workflowMembers } from "./schema.ts";
import { whenScope } from "./when.ts";

const keys: ReadonlySet<string> = new Set(Object.keys(workflowMembers));
/** Words of the language that exist in definitions but do nothing here yet; refused by name rather than ignored. */
const later = new Set(["steps", "schedule", "date", "inbound", "limits"]);

export interface ValidDefinition {
  readonly definition: WorkflowDefinition;
  readonly object: ObjectType;
  /** The script without its types. */
  readonly code: string;
}

export type Validation = { readonly valid: ValidDefinition } | { readonly issues: readonly Issue[] };

/** The script without its types, or what is wrong with it. */
export interface ScriptCheck {
  readonly code?: string;
  readonly issues: readonly Issue[];
}

/** What checks a script; `compile` finds what is wrong with its syntax. */
export interface ScriptTools {
  readonly compile: Sandbox["compile"];
  readonly checkTypes: TypeCheck;
}

/** Checks a definition against the snapshot it is published on; finds all faults, not the first. */
export function validateWorkflow(body: unknown, name: string, snapshot: Snapshot, script: ScriptCheck): Validation {
  if (!isObject(body)) return { issues: [{ path: "", code: "type", params: { type: "object" } }] };
  const issues: Issue[] = [
    ...unknownKeys(body),
    ...checkName(body["name"], name),
    ...checkTexts(body),
    ...checkOptions(body),
  ];
  const object = checkObject(body["object"], snapshot, issues);
  checkOn(body["on"], issues);
  if (object) {
    checkFields(body["fields"], body["on"], object, issues);
    // Whatever a workflow of no trigger is to run on, its condition may have faults of its own.
    checkWhen(body["when"], object, isTrigger(body["on"]) ? body["on"] : "manual", snapshot, issues);
  }
  issues.push(...script.issues);
  if (issues.length > 0 || object === undefined || script.code === undefined) return { issues };
  return { valid: { definition: body as unknown as WorkflowDefinition, object, code: script.code } };
}

const fault = (path: string, message: Text): Issue => ({ path, code: "definition", text: message });

function unknownKeys(body: Record<string, unknown>): Issue[] {
  return Object.keys(body)
    .filter((key) => !keys.has(key))
    .map((key) => {
      const path = `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      return later.has(key)
        ? { path, code: "not_yet", params: { keyword: key } }
        : { path, code: "unknown", params: { field: key } };
    });
}

function checkName(value: unknown, name: string): Issue[] {
  if (!new RegExp(namePattern).test(name))
    return [{ path: "/name", code: "pattern", params: { pattern: namePattern } }];
  if (name.length > nameLength) return [{ path: "/name", code: "maxLength", params: { limit: nameLength } }];
  if (value === undefined) return [{ path: "/name", code: "required" }];
  return value === name ? [] : [{ path: "/name", code: "const", params: { value: name } }];
}

function checkTexts(body: Record<string, unknown>): Issue[] {
  const texts: Issue[] = ["$schema", "title", "description"]
    .filter((key) => body[key] !== undefined && typeof body[key] !== "string")
    .map((key) => ({ path: `/${key}`, code: "type", params: { type: "string" } }));
  const titles = body["titles"];
  if (titles !== undefined && !(isObject(titles) && Object.values(titles).every((t) => typeof t === "string")))
    texts.push({ path: "/titles", code: "type", params: { type: "object of strings" } });
  return texts;
}

function checkOptions(body: Record<string, unknown>): Issue[] {
  const issues: Issue[] = [];
  if (body["order"] !== undefined && !Number.isSafeInteger(body["order"]))
    issues.push({ path: "/order", code: "type", params: { type: "integer" } });
  if (body["active"] !== undefined && typeof body["active"] !== "boolean")
    issues.push({ path: "/active", code: "type", params: { type: "boolean" } });
  if (body["as"] !== undefined && body["as"] !== "system")
    issues.push({ path: "/as", code: "enum", params: { values: "system" } });
  return issues;
}

function checkObject(value: unknown, snapshot: Snapshot, issues: Issue[]): ObjectType | undefined {
  if (value === undefined) issues.push({ path: "/object", code: "required" });
  else if (typeof value !== "string") issues.push({ path: "/object", code: "type", params: { type: "string" } });
  else {
    const object = snapshot.objects.get(value);
    if (object) return object;
    issues.push(fault("/object", text(`there is no object "${value}"`, `没有对象“${value}”`, `沒有物件「${value}」`)));
  }
  return undefined;
}

function checkOn(value: unknown, issues: Issue[]): void {
  if (value === undefined) issues.push({ path: "/on", code: "required" });
  else if (isTrigger(value)) return;
  else if (isObject(value))
    issues.push({ path: "/on", code: "not_yet", params: { keyword: Object.keys(value)[0] ?? "on" } });
  else if (typeof value === "string" && value.startsWith("approval."))
    issues.push({ path: "/on", code: "not_yet", params: { keyword: value } });
  else issues.push({ path: "/on", code: "enum", params: { values: triggers.join(", ") } });
}

function checkFields(value: unknown, on: unknown, object: ObjectType, issues: Issue[]): void {
  if (value === undefined) return;
  if (on !== "updated" && on !== "before_update")
    issues.push(
      fault(
        "/fields",
        text(
          "is for updated and before_update only",
          "仅用于 updated 和 before_update",
          "僅用於 updated 和 before_update",
        ),
      ),
    );
  if (!Array.isArray(value) || value.length === 0)
    return void issues.push({ path: "/fields", code: "type", params: { type: "array of field names" } });
  for (const [i, field] of value.entries())
    if (typeof field !== "string" || !object.fields.has(field))
      issues.push({ path: `/fields/${i}`, code: "unknown", params: { field: String(field) } });
    else if (object.formula?.(field) !== undefined)
      issues.push(
        fault(
          `/fields/${i}`,
          text(
            `"${field}" is a formula, which no update changes; name the fields that it uses, or write changed(${field}) in "when"`,
            `“${field}”是公式，更新不会改变它；请列出它使用的字段，或在 when 中写 changed(${field})`,
            `「${field}」是公式，更新不會改變它；請列出它使用的欄位，或在 when 中寫 changed(${field})`,
          ),
        ),
      );
    else if (on === "before_update" && object.fields.get(field)?.unread === true)
      issues.push(
        fault(
          `/fields/${i}`,
          text(
            `"${field}" is write-only, and scripts before a write do not see it; use on: "updated"`,
            `“${field}”是只写字段，写入前的脚本看不到它；请用 on: "updated"`,
            `「${field}」是唯寫欄位，寫入前的腳本看不到它；請用 on: "updated"`,
          ),
        ),
      );
}

function checkWhen(value: unknown, object: ObjectType, on: Trigger, snapshot: Snapshot, issues: Issue[]): void {
  if (value === undefined) return;
  if (typeof value !== "string") return void issues.push({ path: "/when", code: "type", params: { type: "string" } });
  try {
    checkExpression(value, whenScope(object, on, snapshot), "bool");
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    issues.push({ path: "/when", code: "expression", text: error.text, position: error.position });
  }
}

/** Strips the types, checks the syntax and then the types; a script that is missing is a fault unless `steps` take its place. */
export async function compileScript(
  session: Session,
  body: unknown,
  name: string,
  locale: Locale,
  tools: ScriptTools,
): Promise<ScriptCheck> {
  if (!isObject(body)) return { issues: [] };
  const script = body["script"];
  const path = "/script";
  if (script === undefined) return { issues: "steps" in body ? [] : [{ path, code: "required" }] };
  if (typeof script !== "string") return { issues: [{ path, code: "type", params: { type: "string" } }] };
  const compiled = await tools.compile(script, `${name}.ts`);
  if (!compiled.ok) {
    const { message, line, column } = compiled;
    const place = { ...(line === undefined ? {} : { line }), ...(column === undefined ? {} : { column }) };
    return { issues: [{ path, code: "script", text: { en: message }, ...place }] };
  }
  const { object, on } = body;
  // Without them nobody knows what the script works on, and what is wrong with them is told anyway.
  if (typeof object !== "string" || !session.snapshot.objects.has(object) || !isTrigger(on))
    return { code: compiled.code, issues: [] };
  return { code: compiled.code, issues: await tools.checkTypes(session, { script, compiled, object, on, locale }) };
}
