import type { CommandNode, OptionNode, Values } from "./tree.ts";

type Script = (commands: readonly CommandNode[]) => string;

export type Shell = "bash" | "zsh" | "fish";

/** Plurals of the server's objects; nothing when no server or key is at hand. */
const plurals = "guanxi objects list --plurals 2>/dev/null";

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** The options of a command that want a value. */
const valued = (options: readonly OptionNode[]): (OptionNode & { values: Values })[] =>
  options.filter((option): option is OptionNode & { values: Values } => option.values !== undefined);

/** Shell code (bash, zsh) that finds which command the words so far name: `path`, and which argument of it comes: `nth`. */
function walk(commands: readonly CommandNode[], words: string, from: number, to: string): string {
  const steps = commands
    .filter(({ path }) => path !== "")
    .map(({ path }) => `      ${quoted(`/${path}`)}) path=${quoted(path)}; continue ;;`);
  const eating = new Set(commands.flatMap(({ options }) => valued(options).flatMap(({ flags }) => flags)));
  return `  local path='' nth=0 skip='' word i
  for ((i = ${from}; i < ${to}; i++)); do
    word="${words}"
    if [[ -n $skip ]]; then skip=''; continue; fi
    case "$word" in
      ${[...eating].join("|")}) skip=1; continue ;;
      -*) continue ;;
    esac
    case "/\${path:+$path }$word" in
${steps.join("\n")}
    esac
    nth=$((nth + 1))
  done
`;
}

interface Offers {
  words(words: readonly string[]): string;
  readonly plurals: string;
  readonly files: string;
}

function offer(offers: Offers, values: Values | undefined): string {
  if (values?.is === "words") return offers.words(values.words);
  if (values?.is === "plurals") return offers.plurals;
  return values?.is === "files" ? offers.files : ":";
}

/** Shell code (bash, zsh) that offers what may come: the value of an option, an option, a command or an argument. */
function choose(commands: readonly CommandNode[], offers: Offers): string {
  const cases = commands.map(({ path, commands: below, options, arguments: args, repeats }) => {
    const values = valued(options).map(
      ({ flags, values: v }) => `        ${flags.join("|")}) ${offer(offers, v)}; return ;;`,
    );
    const flags = options.map((option) => option.flags[0] ?? "");
    const places = args.map(
      (values, i) => `          ${repeats && i === args.length - 1 ? "*" : i}) ${offer(offers, values)} ;;`,
    );
    const plain = below.length > 0 ? `        ${offers.words(below.map(({ name }) => name))}` : "";
    const positional =
      places.length > 0 ? `        case $nth in\n${places.join("\n")}\n        esac` : plain || "        :";
    return `    ${quoted(path)})
      case "$prev" in
${values.length > 0 ? values.join("\n") : "        '') ;;"}
      esac
      if [[ "$cur" == -* ]]; then
        ${offers.words(flags)}
      else
${positional}
      fi ;;`;
  });
  return `  case "$path" in
${cases.join("\n")}
  esac
`;
}

const bash: Script = (commands) => `# Completion of guanxi for bash.
_guanxi() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD - 1]}"
  COMPREPLY=()
${walk(commands, "${COMP_WORDS[i]}", 1, "COMP_CWORD")}${choose(commands, {
  words: (words) => `COMPREPLY=($(compgen -W ${quoted(words.join(" "))} -- "$cur"))`,
  plurals: `COMPREPLY=($(compgen -W "$(${plurals})" -- "$cur"))`,
  // Names with blanks stay whole.
  files: `compopt -o filenames 2>/dev/null; local IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$cur"))`,
})}}
complete -F _guanxi guanxi
`;

const zsh: Script = (commands) => `#compdef guanxi
# Completion of guanxi for zsh.
_guanxi() {
  local cur="\${words[CURRENT]}" prev="\${words[CURRENT - 1]}"
${walk(commands, "${words[i]}", 2, "CURRENT").replaceAll("path", "command_path")}${choose(commands, {
  words: (words) => `compadd -- ${words.join(" ")}`,
  plurals: `compadd -- $(${plurals})`,
  files: "_files",
}).replaceAll("$path", "$command_path")}}
compdef _guanxi guanxi
`;

/** Fish asks each offer whether it fits; `__guanxi_at` compares the words so far, options left out, with a command. */
const fish: Script = (commands) => {
  const eating = new Set(commands.flatMap(({ options }) => valued(options).flatMap(({ flags }) => flags)));
  const lines = commands.flatMap((command) => {
    const at = `-n ${quoted(`__guanxi_at ${command.path}`.trimEnd())}`;
    const below = command.commands.map(({ name, says }) => `complete -c guanxi -f ${at} -a ${name} -d ${quoted(says)}`);
    const options = command.options.map(({ flags, says, values }) => {
      const [long = "", short] = flags;
      const names = `-l ${long.slice(2)}${short === undefined ? "" : ` -s ${short.slice(1)}`}`;
      return `complete -c guanxi ${at} ${names}${fishValues(values)} -d ${quoted(says)}`;
    });
    const places = command.arguments.map((values, i) => {
      const from = command.repeats && i === command.arguments.length - 1 ? "--from" : "--nth";
      const where = `-n ${quoted(`__guanxi_at ${command.path} ${from} ${i}`)}`;
      return `complete -c guanxi ${where}${values.is === "files" ? " -F" : ` -f${fishWords(values)}`}`;
    });
    return [...below, ...options, ...places];
  });
  return `# Completion of guanxi for fish.
function __guanxi_at
    set -l wanted $argv
    set -l nth 0
    set -l compared -eq
    if test (count $argv) -gt 1; and contains -- $argv[-2] --nth --from
        test $argv[-2] = --from; and set compared -ge
        set nth $argv[-1]
        set wanted $argv[1..-3]
    end
    set -l seen
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word ${[...eating].join(" ")}
            set skip 1
        else if not string match -q -- '-*' $word
            set -a seen $word
        end
    end
    test (count $seen) $compared (math (count $wanted) + $nth); or return 1
    test (count $wanted) -eq 0; or test "$seen[1..(count $wanted)]" = "$wanted"
end
${lines.join("\n")}
`;
};

function fishWords(values: Values): string {
  if (values.is === "words") return ` -a ${quoted(values.words.join(" "))}`;
  return values.is === "plurals" ? ` -a ${quoted(`(${plurals})`)}` : "";
}

function fishValues(values: Values | undefined): string {
  if (values === undefined) return "";
  return values.is === "files" ? " -r -F" : ` -x${fishWords(values)}`;
}

export const shells: Readonly<Record<Shell, Script>> = { bash, zsh, fish };
