import type { Issue } from "@guanxi/base";
import type { ExprType, Formula } from "@guanxi/expr";
import type { ObjectCore } from "./object-core.ts";
import { definitionError, Report } from "./report.ts";
import { brokenRules } from "./rules/index.ts";
import type {
  Field,
  IncomingReference,
  ObjectType,
  PrepareContext,
  Prepared,
  Rule,
  RuleContext,
  TenantSettings,
  UniqueKey,
} from "./types.ts";

/** What a tenant adds to an object that it may share with others. */
interface Place {
  readonly settings: TenantSettings;
  /** Where the object has expressions, which may ask for the actor. */
  readonly user: ObjectCore | undefined;
  readonly incoming: readonly IncomingReference[];
}

/** An object of one tenant: its own value, so that what is kept by object is never another tenant's. */
export class TenantObject implements ObjectType {
  readonly core: ObjectCore;
  readonly incoming: readonly IncomingReference[];
  readonly user: ObjectCore | undefined;
  readonly #settings: TenantSettings;
  #expressions: ReturnType<ObjectCore["expressionsFor"]> | undefined;

  constructor(core: ObjectCore, { settings, user, incoming }: Place) {
    this.core = core;
    this.incoming = incoming;
    this.user = user;
    this.#settings = settings;
    Object.freeze(this);
  }

  get id(): number {
    return this.core.id;
  }
  get name(): string {
    return this.core.name;
  }
  get plural(): string {
    return this.core.plural;
  }
  get table(): string {
    return this.core.name;
  }
  get source(): string {
    return this.core.source;
  }
  get sharing(): ObjectType["sharing"] {
    return this.core.sharing;
  }
  get stored(): ObjectType["stored"] {
    return this.core.stored;
  }
  get title(): ObjectType["title"] {
    return this.core.parts.title;
  }
  get nameField(): string {
    return this.core.parts.nameField;
  }
  get history(): boolean {
    return this.core.parts.history;
  }
  get currencyDate(): string {
    return this.core.parts.currencyDate;
  }
  get fields(): ReadonlyMap<string, Field> {
    return this.core.parts.fields;
  }
  get columns(): ObjectType["columns"] {
    return this.core.parts.columns;
  }
  get formulas(): ObjectType["formulas"] {
    return this.core.parts.formulas;
  }
  get uniques(): readonly UniqueKey[] {
    return this.core.parts.uniques;
  }
  get indexes(): ObjectType["indexes"] {
    return this.core.parts.indexes;
  }
  get hasSeveral(): boolean {
    return this.core.hasSeveral;
  }
  get rules(): readonly Rule[] {
    return this.#compiled().rules;
  }

  fieldType(field: string): ExprType | undefined {
    return this.core.fieldType(field);
  }
  formula(field: string): Formula | undefined {
    return this.core.formula(field);
  }
  unit(field: string): string | undefined {
    return this.core.unit(field);
  }
  fieldNames(): Iterable<string> {
    return this.core.fieldNames();
  }
  prepareCreate(value: unknown, context: PrepareContext): Prepared {
    const defaults = this.core.hasComputedDefaults ? this.#compiled().defaults : [];
    return this.core.preparer.create(value, context, this.#settings, defaults);
  }
  preparePatch(value: unknown): Prepared {
    return this.core.preparer.patch(value, this.#settings);
  }
  brokenRules(
    record: Record<string, unknown>,
    old: Record<string, unknown> | null,
    context: RuleContext,
  ): readonly Issue[] {
    return brokenRules(this.rules, this.#settings, record, old, context);
  }

  /** They were accepted when they were stored; what a hand has broken since is told to whoever comes across it. */
  #compiled(): ReturnType<ObjectCore["expressionsFor"]> {
    if (this.#expressions) return this.#expressions;
    const report = new Report(this.name);
    const expressions = this.core.expressionsFor(this.user, report);
    if (report.issues.length > 0) throw definitionError(report.issues);
    return (this.#expressions = expressions);
  }
}

/** What two tenants' objects, or those of two snapshots, may have in common. */
export function coreOf(object: ObjectType): ObjectCore {
  if (object instanceof TenantObject) return object.core;
  throw new TypeError(`${object.name} is of no snapshot`);
}
