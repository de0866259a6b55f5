import { GuanxiError } from "@guanxi/base";
import { localeOf } from "../call.ts";
import { type Assets, loadAssets } from "../docs/assets.ts";
import { referencePage } from "../docs/page.ts";
import type { RestSettings } from "../settings.ts";
import type { Endpoint } from "./endpoint.ts";

/** Nothing from elsewhere, no script or style inside the page, no frame around it. Swagger UI has its icons as `data:` images. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const pageHeaders = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": policy,
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-cache",
  vary: "Accept-Language",
};

/** A year: the address of a file changes with the file. */
const forever = { "cache-control": "public, max-age=31536000, immutable" };

/** `GET /docs`: the reference page, for everybody; what it shows it asks for with the reader's key. */
export function docsEndpoints(settings: RestSettings): readonly Endpoint[] {
  let loading: Promise<Assets> | undefined;
  const assets = (): Promise<Assets> => (loading ??= loadAssets());
  return [
    {
      method: "GET",
      path: "/docs",
      run: async (call) => {
        const locale = localeOf(call);
        const page = referencePage(locale, `/docs/${(await assets()).version}`, settings.demo);
        return { status: 200, text: page, headers: { ...pageHeaders, "content-language": locale } };
      },
    },
    {
      method: "GET",
      path: "/docs/:version/:file",
      run: async (_call, { version, file = "" }) => {
        const known = await assets();
        const asset = known.files.get(file);
        if (version !== known.version || !asset) throw new GuanxiError("NOT_FOUND");
        const headers = { "content-type": asset.mediaType, "content-length": String(asset.bytes.length), ...forever };
        return { status: 200, stream: new Blob([asset.bytes]).stream(), headers };
      },
    },
  ];
}
