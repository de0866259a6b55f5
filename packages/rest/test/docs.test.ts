import { describe, expect, test } from "vitest";
import { edge, problemOf } from "./driver.ts";

const get = (path: string, headers: Record<string, string> = {}, demo = false): Response | Promise<Response> =>
  edge({ settings: { demo } }).app.request(path, { headers });

const pageText = async (language: string, demo = false): Promise<string> =>
  (await get("/docs", { "accept-language": language }, demo)).text();

/** Addresses that the page loads. */
const addressesOf = (page: string): string[] => Array.from(page.matchAll(/(?:src|href)="([^"]+)"/g), (m) => m[1] ?? "");

describe("the reference page", () => {
  test("needs no key, and lets in nothing from elsewhere", async () => {
    const response = await get("/docs");
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy.split("; ")).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]),
    );
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    const page = await response.text();
    expect(page).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\son\w+=|style=/);
    for (const address of addressesOf(page)) expect(address).toMatch(/^\/docs\/[0-9a-f]{16}\/[\w.-]+$/);
  });

  test("loads files that come with the package and stay as they are", async () => {
    const addresses = addressesOf(await pageText("en"));
    expect(addresses.map((a) => a.split("/").at(-1)).toSorted()).toEqual([
      "favicon-32x32.png",
      "page.css",
      "page.js",
      "swagger-ui-bundle.js",
      "swagger-ui.css",
    ]);
    const types: Record<string, string> = { js: "text/javascript", css: "text/css", png: "image/png" };
    for (const address of addresses) {
      const response = await get(address);
      expect([address, response.status]).toEqual([address, 200]);
      expect(response.headers.get("content-type")).toContain(types[address.split(".").at(-1) ?? ""]);
      expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
      const bytes = (await response.arrayBuffer()).byteLength;
      expect(bytes).toBe(Number(response.headers.get("content-length")));
      expect(bytes).toBeGreaterThan(100);
    }
  });

  test("no other file, and none of another version", async () => {
    const [address = ""] = addressesOf(await pageText("en"));
    const folder = address.slice(0, address.lastIndexOf("/"));
    for (const path of [
      `${folder}/page.ts`,
      `${folder}/index.html`,
      `${folder}/..%2Fpage.ts`,
      `${folder}/constructor`,
      "/docs/0000000000000000/page.js",
    ]) {
      const response = await get(path);
      expect([path, response.status]).toEqual([path, 404]);
      expect((await problemOf(response))["code"]).toBe("GX-NOT_FOUND");
    }
  });

  test.each([
    ["en", "API reference", "Show the API"],
    ["zh-CN", "API 参考", "显示 API"],
    ["zh-TW", "API 參考", "顯示 API"],
  ])("speaks %s", async (language, title, button) => {
    const page = await pageText(language);
    expect(page).toContain(`<html lang="${language}">`);
    expect(page).toContain(title);
    expect(page).toContain(button);
    expect((await get("/docs", { "accept-language": language })).headers.get("content-language")).toBe(language);
  });

  test("tells of the demo's keys in the demo alone", async () => {
    expect(await pageText("en", true)).toContain("demo-keys.json");
    expect(await pageText("en", false)).not.toContain("demo");
  });

  test("keeps the key in the tab, never in an address", async () => {
    const script = addressesOf(await pageText("en")).find((a) => a.endsWith("/page.js")) ?? "";
    const code = await (await get(script)).text();
    expect(code).toContain("sessionStorage");
    expect(code).not.toMatch(/localStorage|document\.cookie|location|innerHTML/);
  });
});
