import type { FieldDefinition } from "../types.ts";
import { Fault, type FieldType, ofString, pick } from "./contract.ts";

/** Characters unless the definition allows more or fewer; a number of a passport or an account, a password, a note. */
const longest = 1_000;
/** As many whatever they stand for, so that a mask does not tell how long the text is. */
export const bullets = "••••";

interface Mask {
  readonly first?: number;
  readonly last?: number;
}

/** What readers see of a text. Of one that is hardly longer than what would be shown, nothing is. */
export function masked(text: string, { mask }: FieldDefinition): string {
  const { first = 0, last = 0 } = (mask ?? {}) as Mask;
  const characters = [...text];
  if (characters.length < 2 * (first + last)) return bullets;
  return characters.slice(0, first).join("") + bullets + characters.slice(characters.length - last).join("");
}

/** A text that is stored encrypted; readers see a mask of it. Nothing can be said of it in an expression but whether it is there. */
export const encryptedText: FieldType = {
  name: "encrypted_text",
  jsonTypes: ["string"],
  keywords: ["minLength", "maxLength", "pattern", "mask"],
  defaults: false,
  indexable: false,
  namesRecords: false,
  shape: (definition) => ({
    sqlType: "text",
    exprType: { kind: "json" },
    schema: { type: "string", maxLength: longest, ...pick(definition, ["minLength", "maxLength", "pattern"]) },
    shown: { type: "string", examples: [masked("*".repeat(longest), definition)] },
    // Whoever sends back what they were shown would lose what it stands for.
    normalise: ofString((value) => (value.includes(bullets) ? new Fault("masked") : value)),
  }),
};
