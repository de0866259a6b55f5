import type { FieldType } from "./contract.ts";
import { number } from "./number.ts";

/** A number of hundredths: 50 is a half. */
export const percent: FieldType = { ...number, name: "percent" };
