export { contentTypeOf } from "./content-type.ts";
export type { S3Settings } from "./s3.ts";
export { createStorage, type StorageSettings } from "./storage.ts";
export type { ByteRange, ContentKey, Received, Storage } from "./types.ts";
