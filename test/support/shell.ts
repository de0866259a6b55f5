/** The little of a shell that the examples of the documentation use; anything else is an error, so that nothing is passed over. */

export type Step =
  | { readonly is: "call"; readonly call: Call }
  | { readonly is: "assign"; readonly name: string; readonly call: Call; readonly member: string }
  | { readonly is: "sleep"; readonly ms: number };

export interface Call {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** The status that stands behind the call. */
  readonly status: number;
  readonly source: string;
}

/** Variables by name, and what `$(…)` gives by its text. */
export interface Environment {
  readonly variables: Map<string, string>;
  readonly commands: ReadonlyMap<string, string>;
}

const assignment = /^([A-Z_]+)=\$\((curl .*) \| node -p 'JSON\.parse\(fs\.readFileSync\(0\)\)\.(\w+)'\)$/;

/** The lines of a block, without those that only set variables. A line is read when its turn comes, since it may use what one before has set. */
export function* steps(block: string, environment: Environment): Generator<Step> {
  for (const line of block.replaceAll("\\\n", " ").split("\n")) {
    const [, source = "", status] = /^(.*?)(?:\s+# (\d{3}))?$/.exec(line.trim()) ?? [];
    if (source === "") continue;
    if (/^(export )?[A-Z]+=(?!\$\(curl)/.test(source)) {
      for (const word of words(source, environment)) setVariable(word, environment.variables);
      continue;
    }
    const pause = /^sleep (\d+)$/.exec(source);
    if (pause) {
      yield { is: "sleep", ms: Number(pause[1]) * 1_000 };
      continue;
    }
    if (status === undefined) throw new Error(`no status stands behind: ${source}`);
    const read = (text: string): Call => readCurl(words(text, environment), Number(status), source);
    const [, name, curl, member] = assignment.exec(source) ?? [];
    if (name && curl && member) yield { is: "assign", name, call: read(curl), member };
    else yield { is: "call", call: read(source) };
  }
}

function setVariable(word: string, variables: Map<string, string>): void {
  if (word === "export") return;
  const [, name, value] = /^([A-Z_]+)=(.*)$/s.exec(word) ?? [];
  if (name === undefined || value === undefined) throw new Error(`not an assignment: ${word}`);
  // The address is the test's own.
  if (name !== "URL") variables.set(name, value);
}

/** Splits a line as a shell would: quotes, `$NAME`, `$(…)`, backslashes. */
function words(line: string, { variables, commands }: Environment): string[] {
  const found: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < line.length; i++) {
    const c = line[i] ?? "";
    if (quote === "'" && c !== "'") word += c;
    else if (c === quote) quote = "";
    else if (quote === "" && (c === "'" || c === '"')) [quote, word] = [c, word ?? ""];
    else if (c === "\\" && (quote === "" || /["\\$`]/.test(line[i + 1] ?? ""))) word = (word ?? "") + line[++i];
    else if (c === "$") {
      const [text, value] = expansion(line.slice(i), variables, commands);
      word = (word ?? "") + value;
      i += text.length - 1;
    } else if (quote === "" && c === " ") {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else if (quote === "" && /[|&;<>()*?[\]{}`]/.test(c)) throw new Error(`${c} is not for these examples: ${line}`);
    else word = (word ?? "") + c;
  }
  if (quote !== "") throw new Error(`a quote is not closed: ${line}`);
  return word === undefined ? found : [...found, word];
}

function expansion(
  rest: string,
  variables: ReadonlyMap<string, string>,
  commands: ReadonlyMap<string, string>,
): [string, string] {
  for (const [command, value] of commands) if (rest.startsWith(`$(${command})`)) return [`$(${command})`, value];
  const [text = "", name = ""] = /^\$([A-Za-z_]+)/.exec(rest) ?? [];
  const value = variables.get(name);
  if (value === undefined) throw new Error(`nothing is known of ${rest}`);
  return [text, value];
}

const valued = new Set(["-X", "-H", "-d", "--data-urlencode"]);
const bare = new Set(["-s", "-G"]);

function readCurl([program, ...args]: readonly string[], status: number, source: string): Call {
  if (program !== "curl") throw new Error(`not a curl: ${source}`);
  const given = new Map<string, string[]>();
  const addresses: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (valued.has(arg)) given.set(arg, [...(given.get(arg) ?? []), args[++i] ?? ""]);
    else if (bare.has(arg)) given.set(arg, []);
    else if (arg.startsWith("-")) throw new Error(`${arg} is not for these examples: ${source}`);
    else addresses.push(arg);
  }
  const [address, ...others] = addresses;
  if (address === undefined || others.length > 0) throw new Error(`needs one address: ${source}`);
  const encoded = (given.get("--data-urlencode") ?? []).map((pair) => {
    const at = pair.indexOf("=") + 1;
    return pair.slice(0, at) + encodeURIComponent(pair.slice(at));
  });
  const data = [...(given.get("-d") ?? []), ...encoded];
  const inAddress = given.has("-G");
  const body = inAddress || data.length === 0 ? undefined : data.join("&");
  return {
    method: given.get("-X")?.[0] ?? (body === undefined ? "GET" : "POST"),
    url: inAddress && data.length > 0 ? `${address}?${data.join("&")}` : address,
    headers: Object.fromEntries(
      (given.get("-H") ?? []).map((h) => [h.slice(0, h.indexOf(":")), h.slice(h.indexOf(":") + 1).trim()]),
    ),
    body,
    status,
    source,
  };
}
