// Holds what `GET /api/openapi.json` says against two linters, a generator of TypeScript types and the API's own answers.
// Starts a server of its own; with GUANXI_URL and GUANXI_KEY it asks that one instead, as that key's holder. Ends with 1 on any
// error or warning. Install first: npm ci --prefix test/linters
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConfig, lintFromString } from "@redocly/openapi-core";
import spectralCore from "@stoplight/spectral-core";
import spectralRulesets from "@stoplight/spectral-rulesets";
import openapiTS, { astToString } from "openapi-typescript";
import { answerFindings } from "./answers.mjs";
import { documentOf, startServer } from "./server.mjs";
import { saleProgram, wideProgram } from "./programs.mjs";

const { Spectral } = spectralCore;

const redocly = await createConfig({
  extends: ["recommended"],
  rules: {
    // `/api/leads/aggregate` stands beside `/api/leads/{id}`: a word wins over a part, as OpenAPI says itself.
    "no-ambiguous-paths": "off",
  },
});

const spectral = new Spectral();
spectral.setRuleset({
  extends: [[spectralRulesets.oas, "recommended"]],
  rules: {
    // Whom to write to about a tenant's API is not known to the platform.
    "info-contact": "off",
  },
});

async function redoclyFindings(text) {
  const problems = await lintFromString({ source: text, absoluteRef: "openapi.json", config: redocly });
  return problems.map(
    ({ ruleId, message, location: [place] = [] }) => `redocly ${ruleId} ${place?.pointer}: ${message}`,
  );
}

async function spectralFindings(text) {
  const results = await spectral.run(JSON.parse(text));
  return results.map(({ code, path, message }) => `spectral ${code} ${path.join(" ")}: ${message}`);
}

const compilerOptions = {
  ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, types: [] },
  ...{ target: "es2022", lib: ["es2023"], module: "nodenext", allowImportingTsExtensions: true },
};

/** What the compiler says of the generated types and of a program that uses them. */
async function compilerFindings(name, text, program) {
  const folder = join(work, name);
  // A field with a default may be left out by who writes: the generator would have it in every answer and every request.
  const types = astToString(await openapiTS(text, { silent: true, defaultNonNullable: false }));
  mkdirSync(folder);
  writeFileSync(join(folder, "api.ts"), types);
  writeFileSync(join(folder, "program.ts"), program);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  const tsc = join(import.meta.dirname, "node_modules/typescript/bin/tsc");
  try {
    execFileSync(process.execPath, [tsc, "--project", folder], { stdio: "pipe" });
    return [];
  } catch (error) {
    if (error.status === undefined || error.status === null) throw error;
    return [`tsc: ${error.stdout}`];
  }
}

/** → whether all were silent. */
async function check({ name, text, program, answers = [] }) {
  const findings = [...answers, ...(await redoclyFindings(text)), ...(await spectralFindings(text))];
  if (program !== undefined) findings.push(...(await compilerFindings(name, text, program)));
  const operations = Object.values(JSON.parse(text).paths).flatMap((item) => Object.keys(item)).length;
  console.log(`${name}: ${operations} operations, ${text.length} characters, ${findings.length} findings`);
  for (const finding of findings) console.log(`  ${finding}`);
  return findings.length === 0;
}

/** What callers of every kind are told by a server of our own. */
async function documents() {
  const server = await startServer(join(work, "data"));
  try {
    const { admin, rep_a1: rep } = server.keys;
    const nobody = await server.keyOfNobody();
    const wide = await server.keyOfWideTenant();
    const all = await documentOf(server.url, admin, "en");
    const answers = await answerFindings(server.url, admin, JSON.parse(all));
    return [
      { name: "admin", text: all, program: saleProgram, answers },
      { name: "admin in Chinese", text: await documentOf(server.url, admin, "zh-CN") },
      { name: "rep", text: await documentOf(server.url, rep, "en"), program: saleProgram },
      { name: "nobody", text: await documentOf(server.url, nobody, "zh-TW") },
      { name: "wide", text: await documentOf(server.url, wide, "en"), program: wideProgram },
    ];
  } finally {
    await server.stop();
  }
}

const work = mkdtempSync(join(tmpdir(), "guanxi-openapi-"));
try {
  const { GUANXI_URL: url, GUANXI_KEY: key = "" } = process.env;
  const given =
    url === undefined
      ? await documents()
      : [{ name: "caller", text: await documentOf(url, key, "en"), program: 'import "./api.ts";' }];
  for (const document of given) if (!(await check(document))) process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
