import type { Client as ClientOf } from "@guanxi/client";

/** What fields of records hold. */
export type Fields = Readonly<Record<string, unknown>>;
export type CrmRecord = Fields & { readonly id: string };

/**
 * Any object with any fields: this program writes what files and tables say. One that is about certain objects takes the declarations
 * of `GET /api/types.d.ts` instead, and has its fields checked.
 */
interface AnyObject {
  readonly plural: string;
  readonly read: CrmRecord;
  readonly create: Fields;
  readonly patch: Fields;
  readonly references: Readonly<Record<string, string>>;
  readonly keys: string;
}

export type Objects = Readonly<Record<string, AnyObject>>;
export type Client = ClientOf<Objects>;
