import type { HostCall } from "./call.ts";
import { recordsAggregate } from "./records-aggregate.ts";
import { recordsCreate } from "./records-create.ts";
import { recordsDelete } from "./records-delete.ts";
import { recordsFind } from "./records-find.ts";
import { recordsGet } from "./records-get.ts";
import { recordsUpdate } from "./records-update.ts";
import { recordsUpsert } from "./records-upsert.ts";

/** Everything scripts may ask for, by name. `wait` is not here: it asks nothing of anybody. */
export const hostCalls: ReadonlyMap<string, HostCall> = new Map(
  [recordsGet, recordsFind, recordsAggregate, recordsCreate, recordsUpdate, recordsUpsert, recordsDelete].map(
    (call) => [call.op, call],
  ),
);
