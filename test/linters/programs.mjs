// Programs that use the generated types as a client would, and expect the compiler's refusal where they are used wrongly.

/** On the demo's objects; it must compile for an administrator and for a sales rep. */
export const saleProgram = `
import type { components, operations, paths } from "./api.ts";

type Body<O extends keyof operations> = NonNullable<operations[O]["requestBody"]> extends { content: { "application/json": infer B } } ? B : never;
type Ok<O extends keyof operations, S extends number> = operations[O]["responses"] extends { [K in S]: { content: { "application/json": infer R } } } ? R : never;

export const lead: components["schemas"]["lead.create"] = { last_name: "Lee", company: "Northwind" };
export const many: Body<"lead.create"> = [lead, lead];
export function names(page: Ok<"lead.list", 200>): string[] {
  return page.data.map((each) => each.last_name + String(each.version));
}
export const cursor = (page: Ok<"lead.list", 200>): string | null => page.next;
export const filter: operations["lead.list"]["parameters"]["query"] = { filter: "city == 'Ghent'", limit: 5, count: "exact" };
export const change = (history: Ok<"lead.history", 200>): unknown => history.data[0]?.changes["last_name"]?.to;
export const job = (started: Ok<"importRecords", 202>): number => started.processed;
export const csv: operations["exportRecords"]["responses"][200]["content"]["text/csv"] = "a,b";
export const made = (key: Ok<"createApiKey", 201>): string => key.key;
export const problem = (p: operations["lead.get"]["responses"][404]["content"]["application/problem+json"]): string => p.code;
export const path: keyof paths = "/api/leads/{id}";

// @ts-expect-error a lead needs its last name
export const nameless: components["schemas"]["lead.create"] = { company: "Northwind" };
// @ts-expect-error there is no such field
export const odd: components["schemas"]["lead.create"] = { ...lead, colour: "red" };
// @ts-expect-error an import is of objects that the caller may create
export const wrong: operations["importRecords"]["parameters"]["path"] = { plural: "nonsense" };
// @ts-expect-error there is no such path
export const nowhere: keyof paths = "/api/nonsense";
`;

/** On the wide object. */
export const wideProgram = `
import type { components, operations } from "./api.ts";

type Widget = components["schemas"]["widget"];
export const patch: components["schemas"]["widget.patch"] = {
  a_text: null, a_integer: 3, a_checkbox: true, a_multi_picklist: ["😀", "</script>"], a_picklist: '"', a_json: { x: 1 },
  a_number: "12345678901234567890.5", class: "x", constructor: "y", type: "z", f0: 1, f1: "one",
};
export const text = (widget: Widget): string => widget.must_text;
export const maybe = (widget: Widget): string | null => widget.a_autonumber;
export const key: operations["widget.get_by"]["parameters"]["path"] = { field: "a_text", value: "x/y" };
// @ts-expect-error a required field is not cleared
export const cleared: components["schemas"]["widget.patch"] = { must_integer: null };
// @ts-expect-error not one of the values
export const value: components["schemas"]["widget.patch"] = { a_picklist: "b" };
`;
