/** How a part of a definition is put together from two layers. */
export type Shape = Whole | Members | Entries;

interface Whole {
  readonly kind: "whole";
}

/** Member by member. */
export interface Members {
  readonly kind: "members";
  readonly of: (member: string) => Shape;
}

/** Entry by entry: those are the same whose `by` is, or that are equal where there is none. */
export interface Entries {
  readonly kind: "entries";
  readonly by?: string;
  readonly item: Shape;
}

const whole: Shape = { kind: "whole" };
const each = (shape: Shape): Shape => ({ kind: "members", of: () => shape });
const members = (shapes: ReadonlyMap<string, Shape>): Shape => ({
  kind: "members",
  of: (member) => shapes.get(member) ?? whole,
});

const texts = each(whole);
const set: Shape = { kind: "entries", item: whole };
const states = each(each(whole));

const value = members(new Map([["titles", texts]]));
const fieldParts = new Map<string, Shape>([
  ["titles", texts],
  ["enum", set],
  // Of a reference to several objects.
  ["target", set],
  ["values", { kind: "entries", by: "value", item: value }],
]);
const field = members(fieldParts);
fieldParts.set("items", field);

const recordType = new Map([
  ["titles", texts],
  ["required", set],
  ["picklists", texts],
  ["states", states],
]);

/** An object's definition; every member that is not named here stands for itself. */
export const objectShape: Shape = members(
  new Map<string, Shape>([
    ["titles", texts],
    ["properties", each(field)],
    ["required", set],
    ["unique", set],
    ["indexes", set],
    ["rules", { kind: "entries", by: "name", item: members(new Map([["messages", texts]])) }],
    ["states", states],
    ["recordTypes", each(members(recordType))],
  ]),
);
