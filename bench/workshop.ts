import type { Api } from "@guanxi/testing";
import { createTenant, deleteTenant } from "./world.ts";

/** A tenant with one small object, for what does not depend on how many records there are. */
export interface Workshop {
  readonly tenant: string;
  readonly schema: string;
  readonly admin: Api & { readonly key: string };
  /** Puts or replaces a workflow on `thing`. */
  publish(name: string, on: string, script: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Creates things, a request per thousand. */
  things(count: number): Promise<void>;
}

let made = 0;

export async function openWorkshop(base: string): Promise<Workshop> {
  const tenant = `w${Date.now().toString(36)}${made++}`;
  const admin = await createTenant(base, tenant, []);
  const done = async (what: string, answer: Promise<{ status: number; text: string }>): Promise<void> => {
    const { status, text } = await answer;
    if (status >= 300) throw new Error(`${what}: ${status} ${text.slice(0, 500)}`);
  };
  await done(
    "the object",
    admin.put("/api/meta/objects/thing", {
      name: "thing",
      type: "object",
      properties: { name: { type: "string", maxLength: 80 }, n: { type: "integer" } },
    }),
  );
  return {
    tenant,
    schema: `t_${tenant}`,
    admin,
    publish: (name, on, script) =>
      done(`the workflow ${name}`, admin.put(`/api/meta/workflows/${name}`, { name, object: "thing", on, script })),
    remove: (name) => done(`the workflow ${name}`, admin.delete(`/api/meta/workflows/${name}`)),
    async things(count) {
      for (let left = count; left > 0; left -= 1_000) {
        const values = Array.from({ length: Math.min(left, 1_000) }, (_, n) => ({ name: "thing", n }));
        await done("things", admin.post("/api/things", values));
      }
    },
  };
}

/** Gives `work` a workshop, and deletes it after. */
export async function withWorkshop<T>(base: string, work: (workshop: Workshop) => Promise<T>): Promise<T> {
  const workshop = await openWorkshop(base);
  try {
    return await work(workshop);
  } finally {
    await deleteTenant(base, workshop.tenant);
  }
}

/** The least that a script can do. */
export const trivial = "export default async () => {};\n";
