import type { Storage } from "@guanxi/storage";
import type { Contents } from "@guanxi/store";

/** The storage as backups see it. */
export const contentsOf = (storage: Storage): Contents => ({
  read: (tenant, id) => storage.read({ tenant, id }),
  async keep(tenant, id, content) {
    // What was stored once fits, whatever the limit is today.
    const received = await storage.receive(content, Infinity);
    try {
      await storage.keep({ tenant, id }, received);
    } finally {
      await storage.discard(received);
    }
  },
  delete: (tenant, id) => storage.delete({ tenant, id }),
});
