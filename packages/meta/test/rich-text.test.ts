import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { unstorable } from "../src/characters.ts";
import { fieldTypes } from "../src/index.ts";
import { brief, now, objectOf } from "./build.ts";

const { normalise } = fieldTypes.rich_text.shape({ fieldType: "rich_text" });
const kept = (html: string): string => normalise?.(html, { country: undefined }) as string;

/** The only marks that may be left: known elements with known attributes, and addresses of known schemes. */
const names =
  "p|div|h[1-6]|blockquote|pre|hr|br|ul|ol|li|b|strong|i|em|u|s|del|ins|sub|sup|mark|small|code|a|img|table|caption|thead|tbody|tfoot|tr|th|td|dl|dt|dd";
const address = String.raw`\s(?:href="(?:https?|mailto|tel):[^"<>\t\n\r]*"|src="https:[^"<>\t\n\r]*")`;
const plain = String.raw`\s(?:title|alt|width|height|start|colspan|rowspan)(?:="[^"<>]*")?`;
const mark = new RegExp(String.raw`</?(?:${names})(?:${address}|${plain})*(?: /)?>`, "gi");

/** What a reader of the text could take for a mark of another kind, or for a reference to one. */
const leftOver = (html: string): string[] => html.replace(mark, "").match(/[<>].{0,30}/gs) ?? [];

/** Ways to run a script that browsers have had, after OWASP's cheat sheet and reports of broken sanitisers. */
const vectors = [
  `<script>alert(1)</script>`,
  `<SCRIPT SRC=https://evil.example/x.js></SCRIPT>`,
  `<scr<script>ipt>alert(1)</scr</script>ipt>`,
  `<script\0>alert(1)</script>`.replace("\0", "\u000b"),
  `<<SCRIPT>alert(1);//<</SCRIPT>`,
  `<script/x src=data:,alert(1)>`,
  `"><script>alert(1)</script>`,
  `<img src=x onerror=alert(1)>`,
  `<img src="https://x.example/a.png" onerror="alert(1)" onload=alert(1)>`,
  `<img/src="https://x.example/a.png"/onerror=alert(1)>`,
  `<IMG SRC=javascript:alert(1)>`,
  `<IMG SRC=JaVaScRiPt:alert(1)>`,
  `<IMG SRC="jav&#x09;ascript:alert(1);">`,
  `<IMG SRC=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert(1)>`,
  `<IMG SRC=" &#14; javascript:alert(1);">`,
  `<IMG """><SCRIPT>alert(1)</SCRIPT>">`,
  `<img src="https:javascript:alert(1)" style="x">`,
  `<img srcset="javascript:alert(1) 1x" src=http://x.example/a.png>`,
  `<img src="data:image/svg+xml;base64,PHN2Zz4=">`,
  `<a href="javascript:alert(1)">x</a>`,
  `<a href=" javascript:alert(1)">x</a>`,
  `<a href="java\nscript:alert(1)">x</a>`,
  `<a href="&#1;javascript:alert(1)">x</a>`,
  `<a href="javascript&colon;alert(1)">x</a>`,
  `<a href="javascript&NewLine;:alert(1)">x</a>`,
  `<a href="vbscript:msgbox(1)">x</a>`,
  `<a href="data:text/html,<script>alert(1)</script>">x</a>`,
  `<a href="//evil.example">x</a>`,
  `<a href="https://x.example/" onclick="alert(1)" onmouseover=alert(1)>x</a>`,
  `<a href='https://x.example/"onclick="alert(1)'>x</a>`,
  `<a href="https://x.example/&quot; onclick=&quot;alert(1)">x</a>`,
  `<a target=_blank style="position:fixed;inset:0" class=x id=y name=z href=https://x.example>x</a>`,
  `<p style="background:url(javascript:alert(1))">x</p>`,
  `<style>@import 'https://evil.example/x.css';</style>`,
  `<link rel=stylesheet href=https://evil.example>`,
  `<meta http-equiv="refresh" content="0;url=javascript:alert(1)">`,
  `<base href="javascript:alert(1)//">`,
  `<iframe src="javascript:alert(1)"></iframe>`,
  `<iframe srcdoc="<script>alert(1)</script>">`,
  `<iframe><img src=x onerror=alert(1)></iframe>`,
  `<object data="javascript:alert(1)"><embed src="javascript:alert(1)"></object>`,
  `<svg onload=alert(1)><g/onload=alert(1)></svg>`,
  `<svg><script>alert&#40;1&#41;</script></svg>`,
  `<svg><a xlink:href="javascript:alert(1)"><text y=20>x</text></a></svg>`,
  `<svg><animate xlink:href=#a attributeName=href values=javascript:alert(1) /></svg>`,
  `<math><mi//xlink:href="data:x,<script>alert(1)</script>">`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`,
  `<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`,
  `<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">`,
  `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
  `<textarea></textarea/><img src=x onerror=alert(1)></textarea>`,
  `<xmp><img src=x onerror=alert(1)></xmp>`,
  `<title><a title="</title><img src=x onerror=alert(1)>"></title>`,
  `<option>&lt;script&gt;alert(1)&lt;/script&gt;</option>`,
  `<template><script>alert(1)</script></template>`,
  `<select><template><style><!--</style><a rel="--></style></template></select><img src=x onerror=alert(1)>">`,
  `<details open ontoggle=alert(1)>`,
  `<body onload=alert(1)><input autofocus onfocus=alert(1)><video><source onerror=alert(1)></video>`,
  `<marquee onstart=alert(1)><isindex type=image src=1 onerror=alert(1)>`,
  `<form action="javascript:alert(1)"><button formaction=javascript:alert(1)>x</button></form>`,
  `<!--[if gte IE 4]><script>alert(1)</script><![endif]--><!--><img src=x onerror=alert(1)>-->`,
  `<![CDATA[<img src=x onerror=alert(1)>]]><?xml-stylesheet href="javascript:alert(1)"?>`,
  `<p title='"><img src=x onerror=alert(1)>'>x</p><p title="\`onmouseover=alert(1)">`,
  `<div title="a&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;">&lt;script&gt;alert(1)&lt;/script&gt;</div>`,
  `<b constructor=x __proto__=y toString=z>x</b><constructor>x</constructor><__proto__>y</__proto__>`,
];

describe("what may run in a browser", () => {
  test.each(vectors)("goes from %j", (html) => {
    const left = kept(html);
    expect(leftOver(left), left).toEqual([]);
    expect(kept(left)).toBe(left);
  });

  test("the check of the test itself would notice it", () => {
    for (const html of ["<img src=x>", '<a href="javascript:x">', "<p onclick=x>", "<script>", "<p", "a > b"])
      expect(leftOver(html), html).not.toEqual([]);
  });
});

describe("laws", () => {
  const pieces = fc.constantFrom(
    ..."<>&\"'/= \n\t;:#x",
    ...[
      "<p>",
      "</p>",
      "<b ",
      "<a href=",
      "</a>",
      "<img src=",
      "https://a.example",
      "javascript:",
      "<br>",
      "<br/>",
      "</br>",
      "<li>",
      "<ul>",
    ],
    ...[
      "<table>",
      "<tr><td>",
      "<svg>",
      "</svg>",
      "<style>",
      "</style>",
      "<script",
      "</script>",
      "<!--",
      "-->",
      "<![CDATA[",
      "]]>",
      "<?",
      "<iframe>",
    ],
    ...[
      "<title>",
      "</title>",
      "<textarea>",
      "<noscript>",
      "</noscript>",
      "<xmp>",
      "<option>",
      "<h1>",
      "<dt>",
      "&lt;",
      "&amp;",
      "&quot;",
      "&#60;",
      "&#0;",
    ],
    ...[
      "&#xD800;",
      "&nbsp",
      "&notin;",
      "onerror=x",
      "title=",
      'title="',
      "alt",
      "汉字",
      "😀",
      "\r\n",
      "\u2028",
      "</",
      "<math>",
      "<mi>",
      "<template>",
    ],
  );
  const anything = fc
    .array(fc.oneof({ weight: 5, arbitrary: pieces }, fc.constantFrom(...vectors)), { maxLength: 25 })
    .map((p) => p.join(""));

  test("what is kept is safe, can be stored, and is kept as it is", () => {
    fc.assert(
      fc.property(anything, (html) => {
        const once = kept(html);
        expect(leftOver(once)).toEqual([]);
        expect(unstorable(once)).toBeUndefined();
        expect(kept(once)).toBe(once);
      }),
      { numRuns: 1500 },
    );
  });

  test("a text that is written as HTML reads as it did", () => {
    // As a text field's values are converted.
    const escaped = (text: string): string =>
      text
        .replaceAll("&", "&amp;")
        .replaceAll("<", "&lt;")
        .replaceAll(">", "&gt;")
        .replace(/\r\n?|\n/g, "<br />");
    fc.assert(fc.property(anything, (text) => kept(escaped(text)) === escaped(text)));
  });
});

describe("length", () => {
  const limited = objectOf({ f: { fieldType: "rich_text", minLength: 2, maxLength: 10 } });
  const issues = (f: string): string[] => brief(limited.prepareCreate({ f }, { now }).issues);

  test("is that of what is kept", () => {
    expect(issues("<script>much too long</script><b>ab</b>")).toEqual([]);
    expect(issues("<p>abcdef</p>")).toEqual(["/f maxLength"]);
    expect(issues("<script>much too long</script>")).toEqual(["/f minLength"]);
  });

  test("and nesting have an end before anything is read", () => {
    const free = objectOf({ f: { fieldType: "rich_text" } });
    const told = (f: string): string[] => brief(free.prepareCreate({ f }, { now }).issues);
    expect(told("x".repeat(100_000))).toEqual([]);
    expect(told("x".repeat(100_001))).toEqual(["/f maxLength"]);
    expect(told("x".repeat(500_001))).toEqual(["/f maxLength"]);
    expect(told("<b>".repeat(500) + "</b>".repeat(500))).toEqual([]);
    expect(told("<b>".repeat(501))).toEqual(["/f depth"]);
  });
});
