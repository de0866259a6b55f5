import type { Observe } from "@guanxi/base";
import { fileObject, isFileObject, type ObjectType, type Snapshot } from "@guanxi/meta";
import type { Storage } from "@guanxi/storage";
import type { RecordsEnv } from "../records/context.ts";

export interface FileSettings {
  /** Bytes of a file at most. */
  readonly mostBytes: number;
  /** ms that a file which no record names is kept, and an upload may take. */
  readonly keepMs: number;
}

/** A content of 100 MB passes a slow line within minutes and a proxy's usual limits; whoever removed the wrong file has a day to put it back. */
export const defaultFileSettings: FileSettings = { mostBytes: 100_000_000, keepMs: 24 * 3_600_000 };

export interface FilesEnv {
  readonly records: RecordsEnv;
  readonly storage: Storage;
  readonly settings: FileSettings;
  readonly observe: Observe;
  tenants(): Promise<readonly { readonly id: string }[]>;
  /** The newest metadata of a tenant that has this program's tables. */
  snapshot(tenant: string): Promise<Snapshot>;
}

/** The core's object of files; undefined where a tenant's own object stands in its way. */
export function filesOf({ objects }: Snapshot): ObjectType | undefined {
  const object = objects.get(fileObject);
  return object && isFileObject(object) ? object : undefined;
}
