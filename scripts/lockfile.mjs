// npm forgets optional packages of other platforms when it writes a lockfile (npm/cli#4828); `npm ci` then refuses it.
// `node scripts/lockfile.mjs` puts them back, `--check` only tells. Run it after every `npm install` that changes a lock.
// It also takes the registry's addresses out, so that everybody installs from their own.
import { readFileSync, writeFileSync } from "node:fs";

const paths = ["package-lock.json", "test/linters/package-lock.json"];
const systems = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];
const aliases = { windows: "win32", win: "win32", 64: "x64", eabi: "arm" };
const libraries = { gnu: "glibc", gnueabihf: "glibc", musl: "musl", musleabihf: "musl" };

/** Which machine a package such as `@oxfmt/binding-linux-arm64-musl` is for, in the lockfile's words. */
function platform(name) {
  const words = name
    .split("/")
    .at(-1)
    .split("-")
    .map((word) => aliases[word] ?? word);
  const os = words.find((word) => systems.includes(word));
  const cpu = words.find((word) => processors.includes(word));
  const libc = os === "linux" ? words.map((word) => libraries[word]).find(Boolean) : undefined;
  return { ...(cpu && { cpu: [cpu] }), ...(libc && { libc: [libc] }), ...(os && { os: [os] }) };
}

/** Where `name` would be found by the package at `owner`, or undefined. */
function resolve(packages, owner, name) {
  for (let at = owner; ; at = at.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, "")) {
    const found = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
    if (packages[found]) return found;
    if (at === "" || !at.includes("node_modules"))
      return packages[`node_modules/${name}`] ? `node_modules/${name}` : undefined;
  }
}

/** Optional packages that the lockfile names and leaves out. */
function missingFrom(packages) {
  const missing = {};
  for (const [owner, entry] of Object.entries(packages))
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (resolve(packages, owner, name)) continue;
      const where = platform(name);
      if (!where.cpu && !where.os) continue;
      missing[`node_modules/${name}`] = { version, ...where, ...(entry.dev && { dev: true }), optional: true };
    }
  return missing;
}

/** The entry without the host that it was fetched from; paths of our own packages stay. */
const withoutHost = ({ resolved, ...entry }) =>
  /^\w+:/.test(resolved ?? "") ? entry : { ...(resolved && { resolved }), ...entry };

function completed(packages, missing) {
  const order = (a, b) => a.localeCompare(b, "en");
  const all = { ...packages, ...missing };
  const [root, ...rest] = Object.keys(all);
  return Object.fromEntries([root, ...rest.sort(order)].map((key) => [key, withoutHost(all[key])]));
}

for (const path of paths) {
  const url = new URL(`../${path}`, import.meta.url);
  const lock = JSON.parse(readFileSync(url, "utf8"));
  const missing = Object.keys(missingFrom(lock.packages));
  const hosts = Object.entries(lock.packages).filter(([, { resolved }]) => /^\w+:/.test(resolved ?? ""));
  if (missing.length === 0 && hosts.length === 0) continue;
  if (process.argv.includes("--check")) {
    const faults = [...missing.map((name) => `lacks ${name}`), ...hosts.map(([name]) => `names a host for ${name}`)];
    console.error(`${path}: run node scripts/lockfile.mjs\n  ${faults.join("\n  ")}`);
    process.exitCode = 1;
    continue;
  }
  lock.packages = completed(lock.packages, missingFrom(lock.packages));
  writeFileSync(url, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`${path}: added ${missing.length} optional packages, removed ${hosts.length} hosts`);
}
