export { type Bulk, type BulkOptions, createBulk } from "./bulk.ts";
export type { MappingDefinition } from "./mapping/definition.ts";
export { mappingFaults } from "./mapping/kind.ts";
export { mappingSchema } from "./mapping/schema.ts";
export type { BulkSettings } from "./settings.ts";
export { bulkTables } from "./tables.ts";
export type { BulkWorker } from "./worker.ts";
