import { createApi, until } from "@guanxi/testing";

/** An import that takes longer has stopped. */
const importLimitMs = 1_800_000;

/** Uploads a CSV file of so many new records and waits until they are imported; → rows per second. */
export async function importCsvFile(
  base: string,
  key: string,
  plural: string,
  file: string,
  rows: number,
): Promise<number> {
  const api = createApi((r) => fetch(r), key, base);
  const path = `/api/import/${plural}`;
  const started = performance.now();
  const sent = await fetch(`${base}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "text/csv" },
    body: file,
  });
  if (sent.status !== 202) throw new Error(`POST ${path}: ${sent.status} ${await sent.text()}`);
  const { id } = (await sent.json()) as { id: string };
  const job = await until(
    "the import",
    async () => {
      const { body } = await api.get(`/api/jobs/${id}`);
      return ["finished", "failed", "cancelled"].includes(body.status as string)
        ? (body as Record<string, unknown>)
        : undefined;
    },
    importLimitMs,
    100,
  );
  const seconds = (performance.now() - started) / 1_000;
  if (job["created"] !== rows) throw new Error(`the import ended as ${JSON.stringify(job)}`);
  return rows / seconds;
}
