import { access, constants, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileFault } from "../failure.ts";
import { size } from "../table.ts";
import { fault, type Finding, ok, warning } from "./finding.ts";

/** Below that PostgreSQL's log of writes (512 MB at most) may not fit, bytes. */
const scarceBytes = 1_000_000_000;
/** Below that it soon stops, bytes. */
const emptyBytes = 100_000_000;
/** Files whose contents give access. */
const secrets = ["operator-key", "master-key", "demo-keys.json", "postgres-password"];
const check = "data folder";

/** The data folder: is it there, may we write to it, who else may, and how much room is left. */
export async function examineDataFolder(path: string): Promise<Finding[]> {
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? undefined : error));
  if (there instanceof Error) return [fault(check, fileFault(there, path), "Name another one in GUANXI_DATA_DIR.")];
  if (there === undefined) return examineMissing(path);
  if (!there.isDirectory())
    return [fault(check, `${path} is a file.`, "Move it away, or name a folder in GUANXI_DATA_DIR.")];
  const findings = [await examineWriting(path, path)];
  if (process.platform !== "win32") {
    if ((there.mode & 0o022) !== 0) findings.push(warning(check, `Others may write to ${path}.`, `chmod go-w ${path}`));
    findings.push(...(await examineSecrets(path)));
  }
  return [...findings, await examineRoom(path)];
}

/** The first start makes it, if it may. */
async function examineMissing(path: string): Promise<Finding[]> {
  let parent = dirname(path);
  while ((await stat(parent).catch(() => undefined)) === undefined && parent !== dirname(parent))
    parent = dirname(parent);
  const writing = await examineWriting(parent, path);
  const finding = writing.level === "ok" ? ok(check, `${path} is not there yet; the first start makes it`) : writing;
  return [finding, await examineRoom(parent)];
}

async function examineWriting(folder: string, path: string): Promise<Finding> {
  return access(folder, constants.W_OK | constants.X_OK).then(
    () => ok(check, `${path} can be written to`),
    (error: unknown) =>
      fault(check, fileFault(error, folder), `Give ${folder} to the user who runs the server, or set GUANXI_DATA_DIR.`),
  );
}

async function examineSecrets(path: string): Promise<Finding[]> {
  const open: string[] = [];
  for (const name of secrets) {
    const file = await stat(join(path, name)).catch(() => undefined);
    if (file !== undefined && (file.mode & 0o077) !== 0) open.push(join(path, name));
  }
  if (open.length === 0) return [];
  return [warning("secrets", `Others may read ${open.join(", ")}.`, `chmod 600 ${open.join(" ")}`)];
}

async function examineRoom(path: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  const says = `${size(free)} are free`;
  const mend = "Make room on the disk, or move the folder to a larger one.";
  if (free < emptyBytes) return fault("disk", says, mend);
  return free < scarceBytes ? warning("disk", says, mend) : ok("disk", says);
}
