// Fills a running server with a tenant that uses everything that is stored, for a database dump of a released version.
// Usage: node fill.mjs <base url> <operator key> > <version>.json; see README.md beside this file.
const [, , base, operator] = process.argv;

async function call(method, path, body, key, type = "application/json") {
  const answer = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { "content-type": type }) },
    ...(body === undefined ? {} : { body: type === "application/json" ? JSON.stringify(body) : body }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

async function until(what, look) {
  for (let i = 0; i < 300; i++) {
    const found = await look();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not come about`);
}

const tenant = await call(
  "POST",
  "/platform/tenants",
  {
    id: "acme",
    name: "Acme 贸易",
    admin: { email: "admin@acme.example" },
    plugins: ["sales"],
    locale: "zh-CN",
    timeZone: "Asia/Shanghai",
    currency: "CNY",
    country: "CN",
  },
  operator,
);
const admin = (method, path, body, type) => call(method, path, body, tenant.admin.key, type);

// People, the org chart, a role, a core object with a field of the tenant's.
await admin("PATCH", "/api/meta/objects/user", { properties: { employee_number: { type: "string", maxLength: 20 } } });
const boss = await admin("POST", "/api/users", { name: "Wang", email: "wang@acme.example", employee_number: "E-1" });
const rep = await admin("POST", "/api/users", { name: "Li", email: "li@acme.example" });
const top = await admin("POST", "/api/positions", { name: "Head" });
const low = await admin("POST", "/api/positions", { name: "Sales", parent: top.id });
await admin("POST", "/api/user_positions", { assignee: boss.id, position: top.id });
await admin("POST", "/api/user_positions", { assignee: rep.id, position: low.id });
const role = await admin("POST", "/api/roles", {
  name: "seller",
  rights: { lead: ["create", "read", "edit"], home: ["create", "read", "edit"], task: ["read"] },
});
for (const user of [boss, rep]) await admin("POST", "/api/user_roles", { assignee: user.id, role: role.id });
const keys = {};
for (const [name, user] of Object.entries({ boss, rep }))
  keys[name] = (await admin("POST", "/api/keys", { name, user: user.id })).key;

// An object with a past: renamed, and a field of it too.
const home = {
  plural: "properties",
  type: "object",
  title: "Property",
  titles: { "zh-CN": "房源" },
  required: ["location", "price"],
  nameField: "location",
  sharing: "private",
  history: true,
  properties: {
    location: { type: "string", maxLength: 200 },
    price: { fieldType: "currency", minimum: 0 },
    status: { enum: ["draft", "listed", "sold"], default: "draft" },
    seller: { fieldType: "reference", target: "contact", onDelete: "restrict" },
    number: { fieldType: "autonumber", pattern: "P-{00000}" },
    tags: { type: "array", items: { enum: ["new", "sea view"] } },
    listed_on: { type: "string", format: "date" },
  },
  rules: [{ name: "listed_has_price", when: "status == 'listed' && price == 0.0", at: "price", message: "No price" }],
  unique: [["location"]],
  indexes: [["status", "price"]],
};
await admin("PUT", "/api/meta/objects/property", { name: "property", ...home });
const seller = await admin("POST", "/api/contacts", { last_name: "Zhou", first_name: "Min" });
const first = await admin("POST", "/api/properties", {
  location: "1 Long Road",
  price: 1234567.89,
  seller: seller.id,
  tags: ["new"],
  listed_on: "2026-02-28",
});
const { location, ...rest } = home.properties;
const renamed = {
  ...home,
  name: "home",
  plural: "homes",
  was: "property",
  required: ["address", "price"],
  nameField: "address",
  unique: [["address"]],
  properties: { address: { ...location, was: "location" }, ...rest },
};
await admin("PUT", "/api/meta/objects/home", renamed);
await admin("PATCH", `/api/homes/${first.id}`, { price: 1200000.01, status: "listed" });
const gone = await admin("POST", "/api/homes", { address: "2 Long Road", price: 1 });
await admin("DELETE", `/api/homes/${gone.id}`);

// Leads of the rep, one by import; rows that were refused; a stored mapping.
await call("POST", "/api/leads", { last_name: "Sun", company: "Lanyan Tea" }, keys.rep);
await admin("PUT", "/api/meta/mappings/cards", {
  name: "cards",
  object: "lead",
  columns: { Name: "last_name", Firm: "company" },
});
const job = await admin("POST", "/api/import/leads?mapping=cards", "Name,Firm\nQian,Yunhe\n,Nobody\n", "text/csv");
await until("the import", async () => (await admin("GET", `/api/jobs/${job.id}`)).status === "finished");

// Runs: one that succeeded, one that failed, one that is in the middle of its sleep when the server stops.
const workflow = (name, script, more = {}) =>
  admin("PUT", `/api/meta/workflows/${name}`, { name, object: "home", on: "created", script, ...more });
await workflow(
  "note",
  `export default async ({ record, crm }) => { await crm.records("task").create({ title: "note " + record.address }); };`,
);
await workflow("broken", `export default async ({ crm }) => { await crm.records("task").create({}); };`);
const second = await admin("POST", "/api/homes", { address: "3 Long Road", price: 3 });
const ended = async (name, status) =>
  (await admin("GET", `/api/runs?workflow=${name}&status=${status}`)).data.length > 0;
await until("the run", () => ended("note", "succeeded"));
await until("the failure", () => ended("broken", "failed"));
await workflow(
  "later",
  `export default async ({ record, crm }) => {
  const before = await crm.records("task").create({ title: "before " + record.address });
  await crm.sleep("1m");
  await crm.records("task").update(before.id, { title: "after " + record.address });
};`,
);
const third = await admin("POST", "/api/homes", { address: "4 Long Road", price: 4 });
await until("the sleep", () => ended("later", "waiting"));

console.log(
  JSON.stringify(
    {
      tenant: "acme",
      keys: { admin: tenant.admin.key, ...keys },
      users: { boss: boss.id, rep: rep.id },
      homes: [first.id, second.id, third.id],
      gone: gone.id,
      job: job.id,
    },
    null,
    2,
  ),
);
