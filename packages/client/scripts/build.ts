// `npm run build -w @guanxi/client`: writes `dist/`, or the folder that is named, as a package for use outside of this workspace, which imports the sources.
import { execFileSync } from "node:child_process";
import { copyFile, glob, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

const folder = join(import.meta.dirname, "..");
const dist = resolve(process.argv[2] ?? join(folder, "dist"));
const typescript = dirname(createRequire(import.meta.url).resolve("typescript/package.json"));

/** What every platform has that the client runs on; nothing of Node.js alone. */
const platform = ["--target", "es2022", "--lib", "es2022,esnext.disposable,dom,dom.iterable", "--types", ""];
const options = [
  ...[
    "--ignoreConfig",
    "--strict",
    "--exactOptionalPropertyTypes",
    "--noUncheckedIndexedAccess",
    "--verbatimModuleSyntax",
  ],
  ...["--module", "nodenext", "--rewriteRelativeImportExtensions", "--declaration"],
  ...["--rootDir", join(folder, "src"), "--outDir", dist],
];

await rm(dist, { recursive: true, force: true });
const compile = [join(typescript, "bin/tsc"), ...options, ...platform, join(folder, "src/index.ts")];
execFileSync(process.execPath, compile, { stdio: "inherit" });

// The compiler leaves the names of the sources in declarations.
for await (const file of glob(join(dist, "*.d.ts"))) {
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replace(/(from "\.\/[\w-]+)\.ts"/g, '$1.js"'));
}

const { name, version, license, description, type } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
const manifest = {
  ...{ name, version, description, license, type, private: true, sideEffects: false },
  engines: { node: ">=20" },
  exports: { ".": { types: "./index.d.ts", default: "./index.js" }, "./package.json": "./package.json" },
};
await writeFile(join(dist, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
await copyFile(join(folder, "README.md"), join(dist, "README.md"));
await copyFile(join(folder, "../../LICENSE"), join(dist, "LICENSE"));
