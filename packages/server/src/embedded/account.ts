import { GuanxiError } from "@guanxi/base";
import { type Account, type Outcome, run } from "./processes.ts";

const ourselves: Account = { name: "ourselves" };

/** Preferred first. `nobody` may serve others too, hence comes after an attempt to create an account. */
const known = ["guanxi", "postgres"];

const isRoot = (): boolean => process.getuid?.() === 0;

async function attempt(file: string, args: string[]): Promise<Outcome | undefined> {
  return run(ourselves, file, args).catch(() => undefined);
}

async function lookUp(name: string): Promise<Account | undefined> {
  const [uid, gid] = await Promise.all([attempt("id", ["-u", name]), attempt("id", ["-g", name])]);
  if (uid?.code !== 0 || gid?.code !== 0) return undefined;
  const account = { name, uid: Number(uid.output), gid: Number(gid.output) };
  return account.uid === 0 ? undefined : account;
}

async function create(name: string): Promise<Account | undefined> {
  const shadow = ["--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", name];
  const busybox = ["-S", "-D", "-H", "-s", "/sbin/nologin", name];
  const made = (await attempt("useradd", shadow))?.code === 0 || (await attempt("adduser", busybox))?.code === 0;
  return made ? lookUp(name) : undefined;
}

/** PostgreSQL never runs as root; as root we hand it to an account without privileges, otherwise it runs as ourselves. */
export async function chooseAccount(): Promise<Account> {
  if (!isRoot()) return ourselves;
  for (const name of known) {
    const account = await lookUp(name);
    if (account !== undefined) return usable(account);
  }
  const account = (await create("guanxi")) ?? (await lookUp("nobody"));
  if (account !== undefined) return usable(account);
  throw impossible("there is no user guanxi, postgres or nobody, and none could be created");
}

/** The account that owns an existing cluster: only that one can run it. */
export async function accountOfOwner(uid: number, gid: number, path: string): Promise<Account> {
  if (process.getuid === undefined || process.getuid() === uid) {
    if (!isRoot()) return ourselves;
    throw impossible(`${path} belongs to root; give it to such a user with chown -R`);
  }
  if (isRoot()) return usable({ name: `user ${uid}`, uid, gid });
  throw new GuanxiError("UNAVAILABLE", {
    detail: `${path} belongs to user ${uid}, who ran PostgreSQL before. Start as that user or as root, or give it to yourself with chown -R.`,
  });
}

async function usable(account: Account): Promise<Account> {
  const tried = await run(account, "/bin/sh", ["-c", "exit 0"]).catch((error: Error) => error.message);
  if (typeof tried !== "string" && tried.code === 0) return account;
  throw impossible(`switching to ${account.name} fails: ${typeof tried === "string" ? tried : tried.output}`);
}

function impossible(why: string): GuanxiError {
  return new GuanxiError("UNAVAILABLE", {
    detail:
      `PostgreSQL does not run as root, and ${why}. ` +
      "Start as another user, create one with `useradd --system guanxi`, or set DATABASE_URL.",
  });
}
