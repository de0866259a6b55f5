import { text } from "@guanxi/base";
import { type Field, type ObjectType, partField, type SeveralField } from "@guanxi/meta";
import { noField, queryError } from "./errors.ts";
import { splitPath, splitTerms, type Term } from "./paths.ts";
import type { Found, Output, Source } from "./plan.ts";
import { shownField, type Sources } from "./sources.ts";

interface Tree {
  readonly all: boolean;
  readonly children: Map<string, Tree>;
}

function insert(tree: Tree, parts: readonly string[]): Tree {
  const [head, ...rest] = parts;
  if (head === undefined) return tree;
  if (head === "*" && rest.length === 0) return { ...tree, all: true };
  const child = tree.children.get(head) ?? { all: false, children: new Map() };
  tree.children.set(head, insert(child, rest));
  return tree;
}

function outputsOf(tree: Tree, path: readonly string[], sources: Sources, term: Term): Output[] {
  const source = sources.walk(path);
  if (!source) throw noField("select", path.join("."), term.position);
  const outputs: Output[] = tree.all ? sources.every(path, source) : [];
  for (const [name, child] of tree.children) {
    const field = shownField(source.object, name);
    if (!field) throw noField("select", [...path, name].join("."), term.position);
    const output = outputOf(field, source, child, [...path, name], sources, term);
    put(outputs, output);
  }
  return outputs;
}

/** A field, or what is asked for of the record or the value behind it. */
function outputOf(
  field: Field,
  holder: Source,
  child: Tree,
  path: readonly string[],
  sources: Sources,
  term: Term,
): Output {
  const { name } = field;
  const hasParts = field.exprType.kind === "parts" || field.branches !== undefined;
  if ((child.all && hasParts) || (!child.all && child.children.size === 0))
    return { kind: "field", name, ...sources.place(path.slice(0, -1), holder, field) };
  if (field.branches) {
    const outputs = branchOutputs(field, holder, child, path, sources, term);
    return { kind: "object", name, source: holder.alias, present: name, outputs };
  }
  if (hasParts) {
    const outputs = partOutputs(field, holder.alias, child, path, term);
    return { kind: "object", name, source: holder.alias, present: name, outputs };
  }
  const source = sources.walk(path);
  if (!source) throw noField("select", path.join("."), term.position);
  return { kind: "object", name, source: source.alias, present: "id", outputs: outputsOf(child, path, sources, term) };
}

/** `about.object` and `about.id`, and under the name of each object what is asked for of its record. */
const branchOutputs = (
  field: SeveralField,
  holder: Source,
  tree: Tree,
  path: readonly string[],
  sources: Sources,
  term: Term,
): Output[] =>
  [...tree.children].map(([name, child]) => {
    const [part, at] = [partField(field, name), [...path, name]];
    if (!part) throw noField("select", at.join("."), term.position);
    const leaf: Output = { kind: "field", name, source: holder.alias, field: part };
    return part.target === undefined ? leaf : { ...outputOf(part, holder, child, at, sources, term), name };
  });

const partOutputs = (field: Field, source: string, tree: Tree, path: readonly string[], term: Term): Output[] =>
  [...tree.children].map(([name, { all, children }]) => {
    const part = partField(field, name);
    if (!part || all || children.size > 0) throw noField("select", [...path, name].join("."), term.position);
    return { kind: "field", name, source, field: part };
  });

/** `select`: fields, walks (`owner.name` answers `{"owner":{"name":…}}`) and `*`. Without it, every field. */
function selectOutputs(select: string | undefined, root: ObjectType, sources: Sources): Output[] {
  const rootSource = sources.walk([]) as Source;
  if (select === undefined) return sources.every([], rootSource);
  let outputs: Output[] = [];
  let tree: Tree = { all: false, children: new Map() };
  for (const term of splitTerms("select", select)) {
    const parts = splitPath("select", term);
    if (parts[0] !== "*" && !shownField(root, parts[0] ?? "")) throw noField("select", parts[0] ?? "", term.position);
    tree = insert(tree, parts);
    outputs = outputsOf(tree, [], sources, term);
  }
  const id = root.fields.get("id");
  if (id && !outputs.some((o) => o.name === "id"))
    outputs.unshift({ kind: "field", name: "id", source: rootSource.alias, field: id });
  return outputs;
}

/** `expand`: the id of a reference is replaced by the object. */
function expandOutputs(
  expand: string | undefined,
  outputs: readonly Output[],
  root: ObjectType,
  sources: Sources,
): Output[] {
  const result = [...outputs];
  if (expand === undefined) return result;
  for (const term of splitTerms("expand", expand)) {
    const field = shownField(root, term.source);
    if (!field) throw expandFault(term, root);
    if (field.branches) {
      put(result, expandedOne(field, sources));
      continue;
    }
    const list = sources.listOf(field.name);
    const source = list ?? (field.target === undefined ? undefined : sources.walk([field.name]));
    if (!source)
      throw queryError(
        "expand",
        text(`"${field.name}" is not a reference`, `“${field.name}”不是引用`, `「${field.name}」不是參照`),
        term.position,
      );
    const { name } = field;
    const output: Output = list
      ? { kind: "list", name, source: "t0", field, of: list.alias, outputs: sources.listed(list) }
      : { kind: "object", name, source: source.alias, present: "id", outputs: sources.every([name], source) };
    put(result, output);
  }
  return result;
}

function put(outputs: Output[], output: Output): void {
  const at = outputs.findIndex((o) => o.name === output.name);
  if (at >= 0) outputs[at] = output;
  else outputs.push(output);
}

function expandedOne(field: SeveralField, sources: Sources): Output {
  const among = field.branches.map((branch): Found => {
    const source = sources.walk([branch.name]);
    if (!source) throw new Error(`${field.name} leads to no ${branch.target}`);
    const outputs = sources.every([branch.name], source);
    return { kind: "object", name: source.object.name, source: source.alias, present: "id", outputs };
  });
  return { kind: "one", name: field.name, field, among };
}

function expandFault(term: Term, root: ObjectType): Error {
  const name = term.source.replace(/[(.].*$/s, "");
  if (root.incoming.some((i) => i.relation === name) || name !== term.source) {
    return queryError(
      "expand",
      text(
        `only references of the record can be expanded yet; "${term.source}" is none`,
        `目前只能展开记录的引用字段，“${term.source}”不是`,
        `目前只能展開記錄的參照欄位，「${term.source}」不是`,
      ),
      term.position,
    );
  }
  return noField("expand", name, term.position);
}

/** The members of an answer's records. The id is always among them. */
export function resolveOutputs(
  parameters: { readonly select?: string | undefined; readonly expand?: string | undefined },
  root: ObjectType,
  sources: Sources,
): Output[] {
  return expandOutputs(parameters.expand, selectOutputs(parameters.select, root, sources), root, sources);
}
