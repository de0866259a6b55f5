import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ifThere } from "./spool.ts";
import type { Backend, ContentKey } from "./types.ts";

/** Contents as files `<root>/<tenant>/<aa>/<id>`. What is received must lie on the same file system. */
export function folderBackend(root: string): Backend {
  // The end of an id is random, its beginning the time: so no folder gets all of a day's files.
  const pathOf = ({ tenant, id }: ContentKey): string => join(root, tenant, id.slice(-2), id);
  return {
    async keep(key, { path }) {
      const target = pathOf(key);
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
      await rename(path, target);
      const folder = await open(dirname(target));
      // Not every system syncs folders; where it does, the new name is safe now.
      await folder.sync().catch(() => undefined);
      await folder.close();
    },
    async read(key, range) {
      const file = await open(pathOf(key)).catch(ifThere(undefined));
      if (!file) return undefined;
      const bounds = range ? { start: range.first, end: range.last } : {};
      return file.createReadStream(bounds);
    },
    delete: (key) => rm(pathOf(key), { force: true }),
    deleteTenant: (tenant) => rm(join(root, tenant), { recursive: true, force: true }),
  };
}
