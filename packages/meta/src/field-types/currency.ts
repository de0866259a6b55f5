import type { FieldType } from "./contract.ts";
import { decimalShape, number } from "./number.ts";

/** Money in the tenant's currency, exact to the cent unless `scale` says otherwise. */
export const currency: FieldType = { ...number, name: "currency", shape: (definition) => decimalShape(definition, 2) };
