import { existsSync } from "node:fs";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CommandFailure, fileFault, UsageError } from "../failure.ts";

/** Published beside the packages. */
const schemas = new URL("../../../../schemas/", import.meta.url);
const copied = ["object.json", "workflow.json"] as const;

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const visit = {
  name: "visit",
  plural: "visits",
  title: "Visit",
  titles: { "zh-CN": "拜访", "zh-TW": "拜訪" },
  type: "object",
  required: ["subject", "on_date"],
  nameField: "subject",
  properties: {
    subject: { type: "string", maxLength: 200, title: "Subject" },
    on_date: { type: "string", format: "date", default: "today", title: "Date" },
    outcome: { enum: ["open", "won", "lost"], default: "open", title: "Outcome" },
    report: { type: "string", maxLength: 5000, title: "Report" },
  },
  rules: [
    {
      name: "done_needs_report",
      when: "outcome != 'open' && report == null",
      at: "report",
      message: "A visit that is done needs a report",
    },
  ],
};

const workflow = {
  name: "note_visit",
  title: "Note a visit",
  object: "visit",
  on: "before_create",
};

const script = `const main: Workflow<"visit", "before_create"> = async ({ record, crm }) => {
  crm.log(\`a visit on \${record.on_date}\`);
};

export default main;
`;

const readme = `# Definitions of a tenant

Objects, workflows, roles and settings, as files. \`guanxi push\` brings a tenant to what they say, as one change set.

| file                                 | holds                                                               |
| ------------------------------------ | ------------------------------------------------------------------- |
| \`objects/<name>.json\`                | an object, whole                                                    |
| \`workflows/<name>.json\`, \`<name>.ts\` | a workflow, and its script                                          |
| \`roles.json\`                         | roles, by name                                                      |
| \`settings.json\`                      | the tenant's language, time zone, currency, country and fiscal year |
| \`delete.json\`                        | names of what shall not be there: \`{"objects": ["lead"]}\`           |

\`\`\`sh
guanxi validate          # checks the files without a server
guanxi push --plan       # says what a push would do
guanxi push              # does it
guanxi pull              # writes what the tenant has
guanxi diff .            # compares the files with the tenant
guanxi types --for script --out guanxi.d.ts   # what an editor needs to check scripts
\`\`\`

\`GUANXI_URL\` and \`GUANXI_KEY\` say which tenant.
`;

const settings = {
  "json.schemas": [
    { fileMatch: ["/objects/*.json"], url: "./schemas/object.json" },
    { fileMatch: ["/workflows/*.json"], url: "./schemas/workflow.json" },
  ],
};

/** What an editor checks scripts with, once `guanxi types` has written the declarations; as in docs/guide/workflows.md. */
const compiler = {
  compilerOptions: {
    ...{ strict: true, useUnknownInCatchVariables: false, erasableSyntaxOnly: true, noEmit: true },
    ...{ target: "ESNext", lib: ["ES2025"], module: "ESNext", moduleResolution: "bundler", moduleDetection: "force" },
    types: [],
  },
  include: ["workflows/*.ts", "guanxi.d.ts"],
};

const start: ReadonlyMap<string, string> = new Map([
  ["README.md", readme],
  ["objects/visit.json", json(visit)],
  ["workflows/note_visit.json", json(workflow)],
  ["workflows/note_visit.ts", script],
  [".vscode/settings.json", json(settings)],
  ["tsconfig.json", json(compiler)],
]);

/** Begins a project in a folder, which may be there; UsageError where one of its files is. → the files. */
export async function writeStart(folder: string): Promise<readonly string[]> {
  const paths = [...start.keys(), ...copied.map((name) => `schemas/${name}`)].map((path) => join(folder, path));
  const there = paths.find((path) => existsSync(path));
  if (there !== undefined) throw new UsageError(`${there} is there already; begin a project in another folder.`);
  try {
    for (const path of paths) await mkdir(dirname(path), { recursive: true });
    for (const [path, text] of start) await writeFile(join(folder, path), text);
    for (const name of copied) await copyFile(new URL(name, schemas), join(folder, "schemas", name));
  } catch (error) {
    throw new CommandFailure(fileFault(error, folder));
  }
  return paths;
}
