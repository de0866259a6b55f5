// npm forgets optional packages of other platforms when it writes a lockfile (npm/cli#4828); `npm ci` then refuses it.
// `node scripts/lockfile.mjs` puts them back, `--check` only tells. Run it after every `npm install` that changes the lock.
import { readFileSync, writeFileSync } from "node:fs";

const path = new URL("../package-lock.json", import.meta.url);
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

const lock = JSON.parse(readFileSync(path, "utf8"));
const missing = {};
for (const [owner, entry] of Object.entries(lock.packages))
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (resolve(lock.packages, owner, name)) continue;
    const where = platform(name);
    if (!where.cpu && !where.os) continue;
    missing[`node_modules/${name}`] = { version, ...where, ...(entry.dev && { dev: true }), optional: true };
  }

const names = Object.keys(missing);
if (names.length === 0) process.exit(0);
if (process.argv.includes("--check")) {
  console.error(
    `package-lock.json lacks ${names.length} optional packages; run: node scripts/lockfile.mjs\n  ${names.join("\n  ")}`,
  );
  process.exit(1);
}
const order = (a, b) => a.localeCompare(b, "en");
const [root, ...rest] = Object.keys({ ...lock.packages, ...missing });
lock.packages = Object.fromEntries([root, ...rest.sort(order)].map((key) => [key, lock.packages[key] ?? missing[key]]));
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: added ${names.length} optional packages`);
