/** What these tests use of the demo's objects, as `GET /api/types.d.ts` declares it. */
export interface DemoObjects {
  user: {
    plural: "users";
    read: User;
    create: Partial<User>;
    patch: Partial<User>;
    references: { owner: "user" };
    keys: "email";
  };
  account: {
    plural: "accounts";
    read: Account;
    create: Partial<Account> & { name: string };
    patch: Partial<Account>;
    references: { owner: "user"; parent: "account" };
    keys: "external_id";
  };
  lead: {
    plural: "leads";
    read: Lead;
    create: Partial<Lead> & { company: string; last_name: string };
    patch: Partial<Lead>;
    references: { owner: "user" };
    keys: "external_id";
  };
  opportunity: {
    plural: "opportunities";
    read: Opportunity;
    create: Partial<Opportunity> & { name: string };
    patch: Partial<Opportunity>;
    references: { owner: "user"; account: "account" };
    keys: "external_id";
  };
  specimen: {
    plural: "specimens";
    read: Specimen;
    create: Partial<Specimen>;
    patch: Partial<Specimen>;
    references: { like: "specimen" };
    keys: never;
  };
}

interface User {
  id: string;
  name: string;
  email: string;
}
interface Account {
  id: string;
  name: string;
  owner: string | null;
  parent: string | null;
  external_id: string | null;
}
interface Lead {
  id: string;
  version: number;
  company: string;
  last_name: string;
  first_name: string | null;
  status: "new" | "contacted" | null;
  amount: number | null;
  description: string | null;
  created_at: string;
  owner: string | null;
  external_id: string | null;
}
interface Opportunity {
  id: string;
  name: string;
  stage: "prospecting" | "won";
  amount: number | null;
  account: string | null;
  owner: string | null;
  close_date: string | null;
  external_id: string | null;
}
interface Specimen {
  id: string;
  note: string | null;
  size: number | null;
  exact: `${number}` | null;
  tags: ("a" | "b")[] | null;
  done: boolean | null;
  at: string | null;
  day: string | null;
  like: string | null;
  eq: number | null;
}

/** The object that the demo does not bring. */
export const specimenDefinition = {
  name: "specimen",
  plural: "specimens",
  type: "object",
  properties: {
    note: { fieldType: "long_text" },
    size: { fieldType: "number" },
    exact: { fieldType: "number", precision: 30, scale: 5 },
    tags: { type: "array", items: { enum: ["a", "b"] } },
    done: { type: "boolean" },
    at: { type: "string", format: "date-time" },
    day: { type: "string", format: "date" },
    like: { fieldType: "reference", target: "specimen" },
    eq: { type: "integer" },
  },
};
