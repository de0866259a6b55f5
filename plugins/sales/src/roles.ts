import type { ObjectRight, RoleDefinition } from "@guanxi/kernel";

const own: readonly ObjectRight[] = ["create", "read", "edit", "delete"];

/** What salespeople work on. Which records of them one sees is a matter of sharing and of the org chart, not of the role. */
const working = Object.fromEntries(
  ["account", "contact", "lead", "opportunity", "opportunity_product", "task", "activity"].map((object) => [
    object,
    own,
  ]),
);

export const salesRoles: readonly RoleDefinition[] = [
  {
    name: "sales_rep",
    title: "Sales representative",
    titles: { "zh-CN": "销售代表", "zh-TW": "業務代表" },
    rights: { ...working, product: ["read"] },
  },
  {
    name: "sales_manager",
    title: "Sales manager",
    titles: { "zh-CN": "销售经理", "zh-TW": "業務經理" },
    rights: { ...working, product: own },
  },
];
