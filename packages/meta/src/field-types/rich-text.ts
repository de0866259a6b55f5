import { createRequire } from "node:module";
import type { IOptions } from "sanitize-html";
import { Fault, type FieldType, ofString, pick, text } from "./contract.ts";
import { addressOf } from "./url.ts";

/** Characters that are kept: a long letter with its markup. */
const longest = 100_000;

/** Characters that are read: word processors send several times what is kept. The worst of such take some tenths of a second. */
const longestSent = 5 * longest;

/** Levels of elements, about those at which browsers give up. The parser's time grows with the square of them. */
const nestingLimit = 500;

/** Nearly all that is not settled after the first reading is so after the second. */
const mostReadings = 5;

const blocks = ["p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr", "br", "ul", "ol", "li"];
const inline = ["b", "strong", "i", "em", "u", "s", "del", "ins", "sub", "sup", "mark", "small", "code", "a", "img"];
const tables = ["table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "dl", "dt", "dd"];

/** Elements that go with what is in them; of others that are not allowed the content stays. */
const hidden = ["script", "style", "textarea", "option", "xmp", "noscript", "iframe", "noembed", "noframes", "title"];
const foreign = ["svg", "math", "template", "object"];

const options: IOptions = {
  allowedTags: [...blocks, ...inline, ...tables],
  allowedAttributes: {
    a: ["href", "title"],
    img: ["src", "alt", "title", "width", "height"],
    ol: ["start"],
    th: ["colspan", "rowspan"],
    td: ["colspan", "rowspan"],
  },
  allowedSchemes: ["http", "https", "mailto", "tel"],
  allowedSchemesByTag: { img: ["https"] },
  allowProtocolRelative: false,
  nonTextTags: [...hidden, ...foreign],
  transformTags: {
    a: (tagName, attributes) => ({ tagName, attribs: withAddress(attributes, "href", addressOf) }),
    img: (tagName, attributes) => ({ tagName, attribs: withAddress(attributes, "src", secureAddress) }),
  },
  exclusiveFilter: ({ tag, attribs }) => tag === "img" && attribs["src"] === undefined,
};

/** Formatted text: HTML of the elements that letters are made of, without styles and scripts. */
export const richText: FieldType = {
  name: "rich_text",
  jsonTypes: ["string"],
  keywords: ["minLength", "maxLength"],
  defaults: true,
  indexable: false,
  namesRecords: false,
  shape: (definition) => ({
    sqlType: "text",
    exprType: text,
    schema: {
      type: "string",
      contentMediaType: "text/html",
      ...pick(definition, ["minLength"]),
      maxLength: Math.min((definition["maxLength"] as number | undefined) ?? longest, longest),
    },
    normalise: ofString(sanitised),
  }),
};

const require = createRequire(import.meta.url);
let loaded: typeof import("sanitize-html") | undefined;

/** Loads in 30 ms, so it waits for the first formatted text. */
const library = (): typeof import("sanitize-html") =>
  (loaded ??= require("sanitize-html") as typeof import("sanitize-html"));

/** Thrown to leave a text as soon as it goes too deep. */
class TooDeep extends Error {}

/**
 * The text as it is kept. What stood inside an element that goes may be closed by others elsewhere than before, so it is read again until
 * nothing changes any more; then it stays the same however often it is sent.
 */
function sanitised(value: string): string | Fault {
  if (value.length > longestSent) return new Fault("maxLength", { limit: longestSent });
  let html = value;
  try {
    for (let reading = 0; reading < mostReadings; reading++) {
      const next = read(html);
      if (next === html) return html;
      html = next;
    }
    return new Fault("format", { format: "HTML" });
  } catch (e) {
    if (e instanceof TooDeep) return new Fault("depth", { limit: nestingLimit });
    throw e;
  }
}

function read(html: string): string {
  let depth = 0;
  const onOpenTag = (): void => {
    if (++depth > nestingLimit) throw new TooDeep();
  };
  const onCloseTag = (): void => void depth--;
  return library()(html, { ...options, onOpenTag, onCloseTag });
}

const secureAddress = (value: string): string | undefined => {
  const address = addressOf(value);
  return address?.toLowerCase().startsWith("https:") ? address : undefined;
};

/** The attributes, with the address as it is kept or without it. */
function withAddress(
  { ...attributes }: Record<string, string>,
  name: string,
  read: (value: string) => string | undefined,
): Record<string, string> {
  const address = read(attributes[name] ?? "");
  if (address === undefined) delete attributes[name];
  else attributes[name] = address;
  return attributes;
}
