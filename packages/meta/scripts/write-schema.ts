import { writeFileSync } from "node:fs";
import { objectMetaSchema } from "../src/index.ts";

/** Writes `schemas/object.json` anew after a change of the vocabulary; a test compares the two. */
writeFileSync(
  new URL("../../../schemas/object.json", import.meta.url),
  `${JSON.stringify(objectMetaSchema(), null, 2)}\n`,
);
