import type { Row } from "../row.ts";
import { growthRows } from "./growth.ts";
import { metadataRows } from "./metadata.ts";
import { readRows } from "./reads.ts";
import { recoveryRows } from "./recovery.ts";
import { rollupRows } from "./rollups.ts";
import { runRows } from "./runs.ts";
import { scriptRows } from "./scripts.ts";
import { skewedRows } from "./skewed.ts";
import { startRows } from "./start.ts";
import { tenantRows } from "./tenants.ts";
import { writeRows } from "./writes.ts";

/** In the order of the table. */
export const rows: readonly Row[] = [
  ...readRows,
  ...skewedRows,
  ...writeRows,
  ...rollupRows,
  ...scriptRows,
  ...runRows,
  ...recoveryRows,
  ...tenantRows,
  ...metadataRows,
  ...startRows,
  ...growthRows,
];
