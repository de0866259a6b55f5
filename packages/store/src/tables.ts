import { boolean, index, integer, jsonb, pgSchema, primaryKey, text, timestamp, uuid } from "./drizzle.ts";

const guanxi = pgSchema("guanxi");
const time = (name: string) => timestamp(name, { withTimezone: true, mode: "string" });

export const tenants = guanxi.table("tenant", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  plugins: jsonb("plugins").$type<string[]>().notNull(),
  /** False while its schema is being made; such a tenant does not exist for anyone. */
  ready: boolean("ready").notNull().default(false),
  createdAt: time("created_at").notNull().defaultNow(),
});

export const apiKeys = guanxi.table(
  "api_key",
  {
    id: uuid("id").primaryKey(),
    tenant: text("tenant")
      .notNull()
      .references(() => tenants.id, { onDelete: "cascade" }),
    user: uuid("user_id").notNull(),
    name: text("name").notNull(),
    /** The first characters, to recognise the key by. */
    prefix: text("prefix").notNull(),
    /** SHA-256 in hex; the key holds enough chance that a slow hash adds nothing. */
    hash: text("hash").notNull().unique(),
    createdAt: time("created_at").notNull().defaultNow(),
    expiresAt: time("expires_at"),
    lastUsedAt: time("last_used_at"),
    revokedAt: time("revoked_at"),
  },
  (t) => [index("api_key_tenant").on(t.tenant)],
);

/** First answers by `Idempotency-Key`; a row without a status is of a request that is under way, or whose process died. */
export const idempotency = guanxi.table(
  "idempotency",
  {
    tenant: text("tenant")
      .notNull()
      .references(() => tenants.id, { onDelete: "cascade" }),
    user: uuid("user_id").notNull(),
    key: text("key").notNull(),
    /** Names the request that holds the key; its changes carry it. */
    claim: uuid("claim").notNull(),
    /** SHA-256 of method, address and body, in hex. */
    digest: text("digest").notNull(),
    status: integer("status"),
    headers: jsonb("headers").$type<Readonly<Record<string, string>>>(),
    /** Null where the answer has no body, or none that is kept. */
    body: text("body"),
    /** False where the request was carried out but its answer is not here to be given again. */
    kept: boolean("kept").notNull().default(true),
    leaseUntil: time("lease_until").notNull(),
    createdAt: time("created_at").notNull().defaultNow(),
  },
  (t) => [primaryKey({ columns: [t.tenant, t.user, t.key] }), index("idempotency_age").on(t.createdAt)],
);

export type TenantRow = typeof tenants.$inferSelect;
export type ApiKeyRow = typeof apiKeys.$inferSelect;
