import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

/** A file of the reference page as it is sent. */
export interface Asset {
  readonly mediaType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface Assets {
  /** Of all files together: an address with it never answers anything else. */
  readonly version: string;
  readonly files: ReadonlyMap<string, Asset>;
}

const require = createRequire(import.meta.url);
const own = new URL("./", import.meta.url);
const packaged = pathToFileURL(require.resolve("swagger-ui-dist/package.json"));

const script = "text/javascript; charset=utf-8";
const style = "text/css; charset=utf-8";

const sources: readonly { readonly name: string; readonly mediaType: string; readonly folder: URL }[] = [
  { name: "swagger-ui-bundle.js", mediaType: script, folder: packaged },
  { name: "swagger-ui.css", mediaType: style, folder: packaged },
  { name: "favicon-32x32.png", mediaType: "image/png", folder: packaged },
  { name: "page.js", mediaType: script, folder: own },
  { name: "page.css", mediaType: style, folder: own },
];

/** Reads the page's files, 2 MB, which come with the package: nothing is asked of another host. */
export async function loadAssets(): Promise<Assets> {
  const hash = createHash("sha256");
  const files = new Map<string, Asset>();
  for (const { name, mediaType, folder } of sources) {
    const bytes = new Uint8Array(await readFile(new URL(name, folder)));
    hash.update(name).update(bytes);
    files.set(name, { mediaType, bytes });
  }
  return { version: hash.digest("hex").slice(0, 16), files };
}
