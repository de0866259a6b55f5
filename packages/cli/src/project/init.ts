import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CommandFailure, fileFault, UsageError } from "../failure.ts";
import { folders } from "./layout.ts";

/** Published beside the packages. */
const schemas = new URL("../../../../schemas/", import.meta.url);
const copied = ["object.json", "workflow.json", "mapping.json", "roles.json", "settings.json", "delete.json"] as const;

/** As published; but for a workflow, whose script a project has in a file of its own. */
async function schemaOf(name: (typeof copied)[number]): Promise<string> {
  const text = await readFile(new URL(name, schemas), "utf8");
  if (name !== "workflow.json") return text;
  const schema = JSON.parse(text) as { required: string[] };
  return json({ ...schema, required: schema.required.filter((member) => member !== "script") });
}

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

Objects, workflows, mappings of imports, roles and settings, as files. \`guanxi push\` brings a tenant to what they say, as one change set.

| file                                 | holds                                                               |
| ------------------------------------ | ------------------------------------------------------------------- |
| \`objects/<name>.json\`                | an object, whole                                                    |
| \`workflows/<name>.json\`, \`<name>.ts\` | a workflow, and its script                                          |
| \`mappings/<name>.json\`               | how the columns of a file become fields                             |
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
    { fileMatch: ["/mappings/*.json"], url: "./schemas/mapping.json" },
    ...["roles.json", "settings.json", "delete.json"].map((file) => ({
      fileMatch: [`/${file}`],
      url: `./schemas/${file}`,
    })),
  ],
};

/** A task that marks the faults that `guanxi validate` tells of at their places. */
const tasks = {
  version: "2.0.0",
  tasks: [
    {
      label: "guanxi validate",
      type: "shell",
      command: "guanxi validate",
      group: "test",
      problemMatcher: {
        owner: "guanxi",
        fileLocation: ["relative", "${workspaceFolder}"],
        pattern: { regexp: "^(.+?):(\\d+):(\\d+) (.*)$", file: 1, line: 2, column: 3, message: 4 },
      },
    },
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

const frame: ReadonlyMap<string, string> = new Map([
  ["README.md", readme],
  [".gitignore", "# What commands write.\nguanxi.d.ts\n*.errors.csv\n"],
  [".vscode/settings.json", json(settings)],
  [".vscode/tasks.json", json(tasks)],
  ["tsconfig.json", json(compiler)],
]);
const sample: ReadonlyMap<string, string> = new Map([
  ["objects/visit.json", json(visit)],
  ["workflows/note_visit.json", json(workflow)],
  ["workflows/note_visit.ts", script],
]);

/** Begins a project in a folder, which may be there; UsageError where one of its files is. `empty` has no sample. → the files. */
export async function writeStart(folder: string, empty: boolean): Promise<readonly string[]> {
  const start = new Map([...frame, ...(empty ? [] : sample)]);
  const paths = [...start.keys(), ...copied.map((name) => `schemas/${name}`)].map((path) => join(folder, path));
  const there = paths.find((path) => existsSync(path));
  if (there !== undefined) throw new UsageError(`${there} is there already; begin a project in another folder.`);
  try {
    for (const path of paths) await mkdir(dirname(path), { recursive: true });
    for (const [path, text] of start) await writeFile(join(folder, path), text);
    for (const name of copied) await writeFile(join(folder, "schemas", name), await schemaOf(name));
    for (const name of folders) await mkdir(join(folder, name), { recursive: true });
  } catch (error) {
    throw new CommandFailure(fileFault(error, folder));
  }
  return paths;
}
