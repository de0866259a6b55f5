import type { ExprObject, ExprScope, ExprType, Formula } from "@guanxi/expr";

const user: ExprType = { kind: "ref", target: "user" };

/** A record with fields of all types, two of most, so that they can be compared. */
export const fields: Readonly<Record<string, ExprType>> = {
  id: { kind: "ref", target: "property" },
  name: { kind: "text" },
  city: { kind: "text" },
  tags: { kind: "list", of: { kind: "text" } },
  scores: { kind: "list", of: { kind: "int" } },
  active: { kind: "bool" },
  vip: { kind: "bool" },
  qty: { kind: "int" },
  stock: { kind: "int" },
  price: { kind: "decimal" },
  rate: { kind: "decimal" },
  close_date: { kind: "date" },
  due_on: { kind: "date" },
  created_at: { kind: "datetime" },
  closed_at: { kind: "datetime" },
  opens: { kind: "time" },
  closes: { kind: "time" },
  sla: { kind: "duration" },
  spent: { kind: "duration" },
  owner: user,
  agent: user,
  account: { kind: "ref", target: "account" },
  about: {
    kind: "ref",
    target: "",
    branches: [
      { target: "account", field: "_to1" },
      { target: "user", field: "_to2" },
    ],
  },
  extra: { kind: "json" },
  home: { kind: "parts", parts: { city: { kind: "text" }, zip: { kind: "text" }, lat: { kind: "decimal" } } },
};

export const object = (
  name: string,
  types: Readonly<Record<string, ExprType>>,
  formulas: Readonly<Record<string, Formula>> = {},
): ExprObject => ({
  name,
  fieldType: (field) => (Object.hasOwn(types, field) ? types[field] : undefined),
  formula: (field) => (Object.hasOwn(formulas, field) ? formulas[field] : undefined),
  fieldNames: () => Object.keys(types),
});

export const property = object("property", fields);
export const userFields: Readonly<Record<string, ExprType>> = {
  id: user,
  name: { kind: "text" },
  level: { kind: "int" },
  team: { kind: "ref", target: "team" },
};
export const person = object("user", userFields);
const account = object("account", { id: { kind: "ref", target: "account" }, title: { kind: "text" }, owner: user });
const visit = object("visit", {
  id: { kind: "ref", target: "visit" },
  amount: { kind: "decimal" },
  note: { kind: "text" },
  agent: user,
});
const relations: Readonly<Record<string, Readonly<Record<string, ExprObject>>>> = {
  property: { visits: visit, tags: visit },
  account: { properties: property },
  visit: { followups: visit },
};

/** Own fields, `old` and `user`, as rules have them. */
export const ownScope: ExprScope = { record: property, old: true, user: person };

/** Walks and tests of related records too, as filters have them. */
export const filterScope: ExprScope = {
  record: property,
  user: person,
  object: (name) => ({ user: person, account })[name],
  related: ({ name }, relation) => relations[name]?.[relation],
};
