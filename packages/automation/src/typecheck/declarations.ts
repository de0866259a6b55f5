import { readFileSync } from "node:fs";
import { hostCalls } from "../calls/index.ts";

const file = readFileSync(new URL("../../types/script.d.ts", import.meta.url), "utf8");
/** Without the notes to whoever maintains it. */
const template = file.slice(file.indexOf("declare namespace"));

const indented = (text: string, by: string): string => text.replace(/^(?=.)/gm, by);

const members = (kind: "read" | "effect"): string =>
  [...hostCalls.values()]
    .filter((call) => call.kind === kind)
    .map((call) => indented(call.declaration, "    ").trimStart())
    .join("\n    ");

/** `crm`, `Workflow` and the like, for the objects of a module "guanxi". */
const scriptGlobals: string = template
  .replace("/* reads */", () => members("read"))
  .replace("/* effects */", () => members("effect"));

/** Everything that scripts see of a tenant whose objects are declared by `objects`: one file, for the compiler and for editors. */
export const scriptDeclarations = (objects: string): string =>
  `declare module "guanxi" {\n${indented(objects.trimEnd(), "  ")}\n}\n\n${scriptGlobals}`;
