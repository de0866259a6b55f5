export type { ColumnName, Totals } from "./aggregates.ts";
export { type Client, type ClientOptions, createClient, type RequestOptions } from "./client.ts";
export { cel, type Condition, type Decimal, decimal, type FilterValue } from "./condition.ts";
export type { DownloadOptions, StoredFile, UploadOptions } from "./files.ts";
export { type Fields, type Filter, where } from "./filter.ts";
export { type ExportParameters, ImportJob, type ImportOptions, type JobState } from "./jobs.ts";
export type { Answer, ObjectTypes, Schema } from "./objects.ts";
export { GuanxiProblem, problemOf, type ProblemIssue } from "./problem.ts";
export type {
  AggregateParameters,
  DeleteOptions,
  HistoryEntry,
  ListParameters,
  Page,
  ReadParameters,
  RecordsOf,
  RowOutcome,
  VersionedWrite,
} from "./records.ts";
export type { CallOptions, FileBody, Method, WriteOptions } from "./transport.ts";
