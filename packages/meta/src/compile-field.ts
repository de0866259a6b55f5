import { Fault, type FieldShape } from "./field-types/contract.ts";
import { formulaOf } from "./field-types/formula.ts";
import { fieldTypes } from "./field-types/index.ts";
import { fieldTypeOf, holdsFiles, isReference, targetOf } from "./infer.ts";
import { isUnique } from "./keys.ts";
import { humanise } from "./names.ts";
import { compileSeveral, severalTargets } from "./several.ts";
import { titleText } from "./titles.ts";
import type {
  Column,
  Field,
  FieldDefinition,
  FieldFacts,
  OnDelete,
  RollupOp,
  RollupResult,
  StoredField,
} from "./types.ts";

export interface FieldPlace {
  readonly object: string;
  readonly id: number;
  readonly required: boolean;
  readonly currencyField: string | undefined;
  /** Characters that an index entry has room for. */
  readonly textLimit: number | undefined;
  /** Of a reference to records of several objects: the ids of its branches, by object. */
  readonly branchIds: Readonly<Record<string, number>> | undefined;
  /** What a roll-up's values are. */
  readonly result: RollupResult | undefined;
}

export function compileField(name: string, definition: FieldDefinition, place: FieldPlace): Field {
  const typeName = fieldTypeOf(definition);
  if (typeName === undefined) throw new Error(`unknown field type ${definition.fieldType} of ${place.object}.${name}`);
  const type = fieldTypes[typeName];
  const shape = place.result ? shapeOf(place.result) : limited(type.shape(definition), place.textLimit);
  const { required, currencyField } = place;
  const unique = isUnique(definition);
  const facts = {
    id: place.id,
    name,
    type: typeName,
    title: titleText(definition.title ?? humanise(name), definition.titles),
    system: false,
    required,
    readOnly: type.readOnly ?? definition.readOnly ?? false,
    ...(definition.writeOnly === true ? { unread: true } : {}),
    ...(isUntold(definition) ? { untold: true } : {}),
    exprType: shape.exprType,
    schema: shape.schema,
    unique,
    foreignKey: isReference(typeName),
    definition,
    ...(type.merges === true ? { merges: true } : {}),
    ...referenceFacts(definition, required),
    ...(shape.shown === undefined ? {} : { shown: shape.shown }),
    ...(shape.values === undefined ? {} : { values: shape.values }),
    ...defaultFacts(definition, shape),
    ...(currencyField === undefined ? {} : { currencyField }),
    ...(typeName === "autonumber" ? { pattern: definition["pattern"] as string } : {}),
  };
  if (typeName === "formula") return { ...facts, formula: formulaOf(definition) };
  if (place.branchIds) return compileSeveral(facts, place.branchIds);
  const field = { ...facts, column: { name, sqlType: shape.sqlType, notNull: required } };
  return typeName === "rollup"
    ? { ...field, ...rollupFacts(field.column, definition["op"] as RollupOp, place.id) }
    : field;
}

const isUntold = ({ writeOnly, sensitive, history }: FieldDefinition): boolean =>
  writeOnly === true || sensitive === true || history === false;

const shapeOf = ({ sqlType, kind, schema }: RollupResult): FieldShape => ({ sqlType, exprType: { kind }, schema });

/** Of no records the number and the sum are 0; there is no least, greatest or mean. */
function rollupFacts({ name, sqlType }: Column, op: RollupOp, id: number): Partial<StoredField> {
  const kept = (column: string, type: string): Column => ({ name: column, sqlType: type, notNull: true, initial: "0" });
  if (op === "count" || op === "sum") return { required: true, column: kept(name, sqlType) };
  return op === "avg" ? { hidden: { sum: kept(`_sum${id}`, "numeric"), count: kept(`_count${id}`, "bigint") } } : {};
}

const limited = (shape: FieldShape, limit: number | undefined): FieldShape =>
  limit === undefined
    ? shape
    : {
        ...shape,
        schema: {
          ...shape.schema,
          maxLength: Math.min((shape.schema["maxLength"] as number | undefined) ?? limit, limit),
        },
      };

function referenceFacts(definition: FieldDefinition, required: boolean): Partial<FieldFacts> {
  const target = targetOf(definition);
  const onDelete = onDeleteOf(definition, required);
  if (severalTargets(definition)) return { onDelete };
  return target === undefined ? {} : { target, onDelete };
}

/** What becomes of a record whose reference loses its target. A file that a record names stays. */
export const onDeleteOf = (definition: FieldDefinition, required: boolean): OnDelete =>
  definition.onDelete ?? (required || holdsFiles(fieldTypeOf(definition)) ? "restrict" : "setNull");

/** Defaults are kept in canonical form; `today` and `now` stay words until a record is made. */
function defaultFacts(definition: FieldDefinition, shape: FieldShape): Partial<FieldFacts> {
  const written = definition.default;
  if (written === undefined || written === null) return {};
  const canonical = shape.normalise?.(written, { country: undefined }) ?? written;
  return { default: canonical instanceof Fault ? written : canonical };
}
