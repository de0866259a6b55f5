import type { FieldType } from "./contract.ts";
import { textType } from "./text.ts";

/** Text of many lines: too long for an index, and for the name of a record. */
export const longText: FieldType = { ...textType, name: "long_text", indexable: false, namesRecords: false };
