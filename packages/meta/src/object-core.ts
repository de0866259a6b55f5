import type { ExprObject, ExprType, Formula } from "@guanxi/expr";
import { compileField, onDeleteOf } from "./compile-field.ts";
import { propertiesOf } from "./currencies.ts";
import { fieldTypes } from "./field-types/index.ts";
import { fieldTypeOf, holdsFiles, targetOf } from "./infer.ts";
import { askedIndexes, textLimits, uniqueKeys } from "./keys.ts";
import { humanise } from "./names.ts";
import { frozen } from "@guanxi/base";
import { type Preparer, preparer } from "./prepare.ts";
import type { Report } from "./report.ts";
import { isRollup, sourceOf } from "./rollup-results.ts";
import { compileDefaults, compileRules, type RuleSource } from "./rules/index.ts";
import { fieldKey } from "./store.ts";
import { branchesOf } from "./several.ts";
import { systemFields } from "./system-fields.ts";
import { titleText } from "./titles.ts";
import type {
  ComputedDefault,
  Field,
  Index,
  ObjectDefinition,
  ObjectType,
  OnDelete,
  Rule,
  Sharing,
  StoredObject,
} from "./types.ts";

/** A reference of an object, with the relation that it gives its target. */
export interface Reference {
  readonly field: string;
  /** As its column is called. */
  readonly column: string;
  readonly target: string;
  readonly relation: string;
  readonly onDelete: OnDelete;
  /** Whether the target must be the core's. */
  readonly core: boolean;
}

/** A roll-up of an object, with the names of what it looks at. */
export interface RollupSource {
  readonly field: string;
  readonly child: string;
  readonly reference: string;
}

/**
 * A text as its bytes in UTF-8, one character each: a string with one Chinese title takes two bytes for every character,
 * and definitions are mostly ASCII.
 */
export const pack = (text: string): string => Buffer.from(text, "utf8").toString("latin1");
const unpack = (packed: string): string => Buffer.from(packed, "latin1").toString("utf8");

/** What of an object is evaluated at a write. */
interface Expressions {
  readonly rules: readonly Rule[];
  readonly defaults: readonly ComputedDefault[];
}

/** Where a formula may ask about related records; also where a text only looks as if it did. */
const relatedTest = /\b(exists|all|exists_one|size)\s*\(/;

const noExpressions: Expressions = { rules: [], defaults: [] };

const usesUser = ({ rules, defaults }: Expressions): boolean =>
  rules.some((rule) => rule.when.usesUser) || defaults.some(({ expression }) => expression.usesUser);

type Parts = Pick<
  ObjectType,
  "title" | "nameField" | "history" | "currencyDate" | "fields" | "columns" | "formulas" | "uniques" | "indexes"
>;

/**
 * What an object is by itself, whichever tenant has it: everything but its rules' actor and the references that point to
 * it. Of an object at rest there is the text of its definition and what others must know of it; its fields, rules and
 * validator are compiled when they are first asked for, since most objects of most tenants rest. Nothing in it can be
 * changed, so tenants may share it.
 */
export class ObjectCore implements ExprObject {
  readonly #packed: string;
  readonly id: number;
  readonly name: string;
  readonly plural: string;
  readonly source: string;
  readonly sharing: Sharing;
  /** Whether it is set aside with its plugin. */
  readonly aside: boolean;
  readonly hasExpressions: boolean;
  readonly hasComputedDefaults: boolean;
  readonly hasFormulas: boolean;
  /** Whether its formulas may ask about records that refer to its own. */
  readonly testsRelated: boolean;
  readonly references: readonly Reference[];
  readonly hasSeveral: boolean;
  readonly rollups: readonly RollupSource[];
  #parts: Parts | undefined;
  #preparer: Preparer | undefined;
  #expressions: { readonly user: ObjectCore | undefined; readonly compiled: Expressions } | undefined;

  /** `packed` is the stored definition as JSON text: equal texts are equal objects. */
  constructor(packed: string) {
    this.#packed = packed;
    const { stored } = this;
    const { id, definition, source, aside } = stored;
    this.id = id;
    this.name = definition.name;
    this.plural = definition.plural;
    this.source = source;
    this.aside = aside !== undefined;
    this.sharing = definition.sharing ?? "private";
    const formulas = Object.values(definition.properties).filter((field) => field.fieldType === "formula");
    this.hasFormulas = formulas.length > 0;
    this.testsRelated = formulas.some((field) => relatedTest.test(String(field["formula"])));
    this.hasComputedDefaults = hasComputedDefaults(definition);
    this.hasExpressions = this.hasComputedDefaults || hasRules(definition);
    this.references = referencesOf(stored);
    this.hasSeveral = this.references.some(({ field, column }) => field !== column);
    this.rollups = rollupsIn(definition);
  }

  /** Read anew for each who asks. */
  get stored(): StoredObject {
    return JSON.parse(unpack(this.#packed)) as StoredObject;
  }

  get parts(): Parts {
    return (this.#parts ??= compileParts(this.stored));
  }

  get preparer(): Preparer {
    return (this.#preparer ??= preparer(this.parts.fields));
  }

  fieldType(field: string): ExprType | undefined {
    const found = this.parts.fields.get(field);
    // Of what nobody reads it can be said whether it is there.
    return found?.unread === true ? opaque : found?.exprType;
  }

  formula(field: string): Formula | undefined {
    return this.parts.fields.get(field)?.formula;
  }

  unit(field: string): string | undefined {
    return this.parts.fields.get(field)?.currencyField;
  }

  fieldNames(): Iterable<string> {
    return this.parts.fields.keys();
  }

  /** They depend on their own object, and on the user's where they mention the actor. Faults are added to `report`. */
  expressionsFor(user: ObjectCore | undefined, report: Report): Expressions {
    if (!this.hasExpressions) return noExpressions;
    const known = this.#expressions;
    if (known && (known.user === user || !usesUser(known.compiled))) return known.compiled;
    const before = report.issues.length;
    const { definition } = this.stored;
    const source: RuleSource = { definition, object: this, fields: this.parts.fields, user, report };
    const compiled = { rules: compileRules(source), defaults: compileDefaults(source) };
    if (report.issues.length === before) this.#expressions = { user, compiled };
    return compiled;
  }
}

const hasComputedDefaults = ({ properties }: ObjectDefinition): boolean =>
  Object.values(properties).some(({ defaultFormula }) => defaultFormula !== undefined);

const hasRules = ({ rules = [], states, recordTypes, properties }: ObjectDefinition): boolean =>
  rules.length > 0 ||
  (states ?? recordTypes) !== undefined ||
  Object.values(properties).some(
    (field) => (field.requiredWhen ?? field.readonlyWhen ?? field.dependsOn) !== undefined,
  );

const referencesOf = ({ definition: object, fieldIds, branchIds }: StoredObject): readonly Reference[] =>
  Object.entries(object.properties).flatMap(([field, definition]) => {
    const core = holdsFiles(fieldTypeOf(definition));
    // Objects have several files as a matter of course.
    const { relation = core ? `${object.plural}_${field}` : object.plural } = definition;
    const onDelete = onDeleteOf(definition, object.required?.includes(field) ?? false);
    const target = targetOf(definition);
    if (target !== undefined) return [{ field, column: field, target, relation, core, onDelete }];
    return branchesOf(branchIds?.[String(fieldIds[field])] ?? {}).map((branch) => ({
      ...{ field, column: branch.field, target: branch.target },
      ...{ relation, core, onDelete },
    }));
  });

const opaque: ExprType = { kind: "json" };

const noRollups: readonly RollupSource[] = [];

function rollupsIn({ properties }: ObjectDefinition): readonly RollupSource[] {
  const rollups = Object.entries(properties).flatMap(([field, definition]) => {
    if (!isRollup(definition)) return [];
    const [child, reference] = sourceOf(definition);
    return [{ field, child, reference }];
  });
  return rollups.length === 0 ? noRollups : rollups;
}

function compileParts(stored: StoredObject): Parts {
  const { definition } = stored;
  const fields = compileFields(stored);
  return frozen({
    title: titleText(definition.title ?? humanise(definition.name), definition.titles),
    nameField: definition.nameField ?? defaultNameField(fields),
    history: definition.history ?? false,
    currencyDate: definition.currencyDate ?? "created_at",
    fields,
    columns: [...fields.values()].flatMap((f) => f.branches ?? (f.column === undefined ? [] : [f])),
    formulas: [...fields.values()].filter((f) => f.formula !== undefined),
    uniques: keysWithIds(uniqueKeys(definition), stored.fieldIds, stored.uniqueIds),
    indexes: keysWithIds(askedIndexes(definition), stored.fieldIds, stored.indexIds),
  });
}

function compileFields({ definition, fieldIds, branchIds, results }: StoredObject): Map<string, Field> {
  const limits = textLimits(definition);
  const fields = new Map<string, Field>(systemFields(definition).map((system) => [system.name, system]));
  for (const { name, definition: field, required, currencyField } of propertiesOf(definition)) {
    const id = fieldIds[name];
    if (id === undefined) throw new Error(`the stored definition of ${definition.name} has no id for ${name}`);
    const place = {
      ...{ object: definition.name, id, required, currencyField },
      ...{ textLimit: limits.get(name), result: results && Object.hasOwn(results, name) ? results[name] : undefined },
      branchIds: branchIds?.[String(id)],
    };
    fields.set(name, frozen(compileField(name, field, place)));
  }
  return fields;
}

/** A field called `name`, else the first that can name a record. */
function defaultNameField(fields: ReadonlyMap<string, Field>): string {
  const able = [...fields.values()].filter((f) => !f.system && f.unread !== true && fieldTypes[f.type].namesRecords);
  return (able.find((f) => f.name === "name") ?? able[0])?.name ?? "id";
}

const keysWithIds = (
  lists: readonly (readonly string[])[],
  fieldIds: StoredObject["fieldIds"],
  ids: Readonly<Record<string, number>>,
): readonly Index[] =>
  lists.map((fields) => {
    const id = ids[fieldKey(fields, fieldIds)];
    if (id === undefined) throw new Error(`the stored definition has no id for the key ${fields.join()}`);
    return { id, fields };
  });
