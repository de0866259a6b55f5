// Enforces the rooms of the house: who may import whom, and only through a package's index. Prints one line per violation.
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");

/** The table in docs/architecture.md; `all` may import every other package. */
const rooms = JSON.parse(readFileSync(join(root, "scripts/rooms.json"), "utf8"));
/** What a plugin may use, and what its tests may use besides. */
const pluginRoom = ["kernel"];
const pluginTestRoom = ["testing", "client", "meta"];

const violations = [];
const scoped = (names) => names.map((name) => `@guanxi/${name}`);
const ours = (dependencies = {}) => Object.keys(dependencies).filter((name) => name.startsWith("@guanxi/"));

/** Module names in import and export statements, dynamic imports included; comments are left out. */
function importsOf(file) {
  const code = readFileSync(file, "utf8").replace(/^\s*(\/\/|\/?\*).*$/gm, "");
  const statements =
    /(?:^|[;}\s])(?:import|export)\s(?:[^"'`;]*?\sfrom\s*)?["']([^"'\n]+)["']|\bimport\s*\(\s*["']([^"'\n]+)["']/g;
  return [...code.matchAll(statements)].map((match) => match[1] ?? match[2]);
}

function checkTable(kind, name, manifest) {
  const declared = ours(manifest.dependencies).sort();
  const where = `${kind}/${name}/package.json`;
  if (kind === "plugins") {
    const extra = declared.filter((dependency) => !scoped(pluginRoom).includes(dependency));
    if (extra.length > 0) violations.push(`${where}: a plugin depends on ${scoped(pluginRoom)} only, not on ${extra}`);
    return;
  }
  if (kind !== "packages") return;
  const room = rooms[name];
  if (room === undefined) violations.push(`${where}: ${name} has no row in the table of rooms`);
  else if (room !== "all" && declared.join() !== scoped(room).sort().join()) {
    violations.push(`${where}: depends on [${declared}], the table of rooms says [${scoped(room).sort()}]`);
  }
  const development = ours(manifest.devDependencies).filter((dependency) => dependency !== "@guanxi/testing");
  if (room !== "all" && development.length > 0)
    violations.push(`${where}: only @guanxi/testing may be a dev dependency, not ${development}`);
}

function checkFile(folder, manifest, file) {
  const inTests = relative(folder, file).startsWith("test");
  const allowed = new Set([
    manifest.name,
    ...ours(manifest.dependencies),
    ...(inTests ? ours(manifest.devDependencies) : []),
  ]);
  for (const specifier of importsOf(file)) {
    const place = relative(root, file);
    if (specifier.startsWith(".")) {
      const target = resolve(dirname(file), specifier);
      if (!target.startsWith(`${folder}/`)) violations.push(`${place}: ${specifier} leaves the package`);
      else if (!existsSync(target)) violations.push(`${place}: ${specifier} does not exist`);
    } else if (specifier.startsWith("@guanxi/")) {
      const [scope, name, ...deep] = specifier.split("/");
      if (deep.length > 0) violations.push(`${place}: ${specifier} reaches past the index of ${scope}/${name}`);
      else if (!allowed.has(specifier)) violations.push(`${place}: ${specifier} is not a dependency in package.json`);
      else if (specifier === manifest.name && !inTests) violations.push(`${place}: imports its own package by name`);
    }
  }
}

for (const path of globSync("{packages,plugins,examples}/*/package.json", { cwd: root })) {
  const [kind, name] = path.split("/");
  const folder = dirname(join(root, path));
  const manifest = JSON.parse(readFileSync(join(root, path), "utf8"));
  if (manifest.name !== `@guanxi/${name}` && kind !== "examples") violations.push(`${path}: is named ${manifest.name}`);
  checkTable(kind, name, manifest);
  for (const file of globSync("{src,test}/**/*.ts", { cwd: folder })) checkFile(folder, manifest, join(folder, file));
  if (kind === "plugins") {
    const extra = ours(manifest.devDependencies).filter((dependency) => !scoped(pluginTestRoom).includes(dependency));
    if (extra.length > 0) violations.push(`${path}: a plugin's tests use ${scoped(pluginTestRoom)} only, not ${extra}`);
  }
}

for (const violation of violations.sort()) console.error(violation);
process.exitCode = violations.length === 0 ? 0 : 1;
