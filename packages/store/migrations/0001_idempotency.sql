CREATE TABLE "guanxi"."idempotency" (
	"tenant" text NOT NULL,
	"user_id" uuid NOT NULL,
	"key" text NOT NULL,
	"claim" uuid NOT NULL,
	"digest" text NOT NULL,
	"status" integer,
	"headers" jsonb,
	"body" text,
	"kept" boolean DEFAULT true NOT NULL,
	"lease_until" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_tenant_user_id_key_pk" PRIMARY KEY("tenant","user_id","key")
);
--> statement-breakpoint
ALTER TABLE "guanxi"."idempotency" ADD CONSTRAINT "idempotency_tenant_tenant_id_fk" FOREIGN KEY ("tenant") REFERENCES "guanxi"."tenant"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idempotency_age" ON "guanxi"."idempotency" USING btree ("created_at");