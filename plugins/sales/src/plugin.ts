import type { Plugin } from "@guanxi/kernel";
import account from "../objects/account.json" with { type: "json" };
import activity from "../objects/activity.json" with { type: "json" };
import contact from "../objects/contact.json" with { type: "json" };
import lead from "../objects/lead.json" with { type: "json" };
import opportunity from "../objects/opportunity.json" with { type: "json" };
import opportunityProduct from "../objects/opportunity_product.json" with { type: "json" };
import product from "../objects/product.json" with { type: "json" };
import task from "../objects/task.json" with { type: "json" };
import { salesRoles } from "./roles.ts";

/**
 * The JSON files are read as definitions when they are installed, with every fault reported by its place; the type that
 * TypeScript infers from them (`type: string`) only stands in the way here.
 */
const objects = [
  account,
  contact,
  lead,
  product,
  opportunity,
  opportunityProduct,
  task,
  activity,
] as unknown as Plugin["objects"];

/** Accounts, contacts, leads, opportunities with their products, tasks and activities. */
export const salesPlugin: Plugin = {
  name: "sales",
  version: "1.0.0",
  title: "Sales",
  titles: { "zh-CN": "销售", "zh-TW": "銷售" },
  objects,
  roles: salesRoles,
};
