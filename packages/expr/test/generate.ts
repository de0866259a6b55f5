import fc from "fast-check";
import { dayNumber } from "../src/calendar.ts";
import { formatDate, formatDatetime, formatTime } from "../src/literals.ts";
import { fields } from "./fields.ts";

/** Characters that are easy to get wrong: case, white space, wildcards, quotes, astral and private ones. */
const letters = [
  ..."aAbBzZ019 \t\n%_\\'\".*+-()[]{}|^$?,éÉßẞİıIiſKkÅåǅǆǄΣσςᾳᾼŉﬀＡａжЖ\u00a0\u3000\ufeff\u0085\u200b\u180e王小明關係关系😀👨‍👩‍👧𐐀𐐨𠮷\ue000\uffee\u0301",
];

/** Letters that PostgreSQL before 18, or on an older C library, has no case for. */
export const casedByUnicode16 = /[\u019b\u0264\u1c89\u1c8a\ua7cb-\ua7cd\ua7da-\ua7dc\u{10d50}-\u{10d85}]/u;

export const texts = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...letters), { maxLength: 6 }).map((all) => all.join("")) },
  { weight: 2, arbitrary: fc.constantFrom("", "a", "ab", "Garden", "garden", " 王小明 ", "50%", "a_b", "a\\b") },
  {
    weight: 1,
    arbitrary: fc
      .string({ unit: "binary", maxLength: 5 })
      .filter((s) => s.isWellFormed() && !s.includes("\0") && !casedByUnicode16.test(s)),
  },
);

const MAX = Number.MAX_SAFE_INTEGER;
const integers = fc.oneof(
  fc.integer({ min: -10, max: 10 }),
  fc.constantFrom(0, 1, -1, MAX, -MAX, 1_000_000, 12, 31, 400),
  fc.maxSafeInteger(),
);
const decimalTexts = fc.oneof(
  fc.constantFrom(
    "0.5",
    "-0.5",
    "1.5",
    "2.5",
    "-2.5",
    "0.1",
    "0.2",
    "0.3",
    "99999999999999.99",
    "0.000001",
    "1234567.8951",
  ),
  fc.tuple(integers, fc.nat(999_999)).map(([whole, part]) => `${whole}.${String(part).padStart(6, "0")}`),
  fc.constantFrom("123456789012345678901234.123456789", "-0.00000000000000000001", "100", "7"),
);
const decimals = decimalTexts.map((t) => (t.replace(/[-.]/g, "").length > 15 ? t : Number(t)));

const FIRST = dayNumber(1, 1, 3);
const LAST = dayNumber(9999, 12, 28);
const days = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: dayNumber(1995, 1, 1), max: dayNumber(2060, 12, 31) }) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom("2024-02-29", "2026-01-31", "2026-12-31", "2026-03-08", "2026-11-01", "2000-02-29")
      .map(numbered),
  },
  { weight: 1, arbitrary: fc.constantFrom(FIRST, LAST, 0, -1) },
  { weight: 1, arbitrary: fc.integer({ min: FIRST, max: LAST }) },
);

function numbered(text: string): number {
  const [year, month, day] = text.split("-").map(Number);
  return dayNumber(year!, month!, day!);
}

/** Around the hours when clocks change somewhere; the day's edges; any microsecond. */
const clocks = fc.oneof(
  fc.constantFrom(0, 1, 86_399_999_999, 7_200_000_000, 10_800_000_000, 57_600_000_000, 3_599_999_999),
  fc.integer({ min: 0, max: 86_399_999_999 }),
  fc.integer({ min: 0, max: 95 }).map((quarter) => quarter * 900_000_000),
);
/** Instants near changes of the clock: New York, Berlin, São Paulo (at midnight), Lord Howe (half an hour), Shanghai's past. */
const changes = fc.constantFrom(
  "2026-03-08T07:00:00Z",
  "2026-11-01T06:00:00Z",
  "2026-03-29T01:00:00Z",
  "2026-10-25T01:00:00Z",
  "2018-11-04T03:00:00Z",
  "2018-02-18T02:00:00Z",
  "2026-04-04T15:00:00Z",
  "2026-10-03T15:30:00Z",
  "1991-04-13T18:00:00Z",
  "1991-09-14T17:00:00Z",
);
const instants = fc.oneof(
  fc.tuple(days, clocks).map(([day, clock]) => BigInt(day) * 86_400_000_000n + BigInt(clock)),
  fc
    .tuple(changes, fc.integer({ min: -8, max: 8 }), fc.constantFrom(0n, 1n, -1n))
    .map(([change, quarters, us]) => BigInt(Date.parse(change)) * 1000n + BigInt(quarters) * 900_000_000n + us),
);
const datetimeTexts = instants.map(formatDatetime);
const durations = fc.oneof(
  fc.constantFrom(0, 1, 3_600, 86_400, -86_400, 0.000001, 129_600, -1.5, 315_569_520_000, -315_569_520_000),
  fc.integer({ min: -100_000_000, max: 100_000_000 }),
);
const ids = fc.constantFrom(
  "0198a6a5-7a6b-7c3d-8e4f-0123456789ab",
  "0198a6a5-7a6b-7c3d-8e4f-0123456789ac",
  "ffffffff-0000-7000-8000-000000000000",
);

const byKind = {
  text: texts,
  bool: fc.boolean(),
  int: integers,
  decimal: decimals,
  date: days.map(formatDate),
  datetime: datetimeTexts,
  time: clocks.map(formatTime),
  duration: durations,
  ref: ids,
  json: fc.constantFrom<unknown>({ a: 1, b: [1, null] }, { b: [1, null], a: 1 }, [], 0, "x", { a: 2 }),
} as const;

/** Members that are not there, and such as nobody asks for. */
const parts = (types: typeof fields): fc.Arbitrary<unknown> =>
  fc.record(
    { ...Object.fromEntries(Object.entries(types).map(([name, type]) => [name, valueOf(type)])), more: fc.boolean() },
    { requiredKeys: [] },
  );

function valueOf(type: (typeof fields)[string]): fc.Arbitrary<unknown> {
  if (type.kind === "list")
    return fc.array(
      valueOf(type.of).filter((v) => v !== null),
      { maxLength: 3 },
    );
  if (type.kind === "parts") return parts(type.parts);
  if (type.kind === "ref" && type.branches)
    return fc.record({ object: fc.constantFrom(...type.branches.map(({ target }) => target)), id: ids });
  return type.kind === "null" ? fc.constant(null) : byKind[type.kind];
}

/** Values of the fields given, one in five null; JSON as the API shows it. */
export const recordOf = (types: typeof fields): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(
    Object.fromEntries(Object.entries(types).map(([name, type]) => [name, fc.option(valueOf(type), { freq: 5 })])),
  );

const quoted = (text: string): string =>
  `'${text.replace(/[\\'\n\r]/g, (c) => ({ "\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r" })[c] ?? c)}'`;

export const patterns = fc.letrec<{ any: string; atom: string }>((tie) => ({
  atom: fc.oneof(
    fc.constantFrom(
      "a",
      "A",
      "b",
      "z",
      ".",
      "\\d",
      "\\w",
      "\\s",
      "\\D",
      "\\W",
      "\\S",
      "[a-z]",
      "[^a-z]",
      "[\\d_-]",
      "[^\\s]",
      "[\\D]",
      "[一-龥]",
      "王",
      "😀",
      "[😀-😎]",
      "\\.",
      "\\\\",
      "%",
      "_",
      "\\x{738b}",
      "\\n",
      "[]a]",
      "[a\\]]",
      "[\\s\\S]",
      "(?:)",
      "é",
      "'",
      "\\x41",
    ),
    tie("any").map((p) => `(${p})`),
    tie("any").map((p) => `(?:${p})`),
  ),
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc
      .tuple(fc.constantFrom("", "", "^", "\\A"), tie("atom"), fc.constantFrom("", "", "$", "\\z"))
      .map((p) => p.join("")),
    fc
      .tuple(tie("atom"), fc.constantFrom("*", "+", "?", "{2}", "{1,3}", "{0,}", "*?", "+?"), tie("atom"))
      .map((p) => p.join("")),
    fc.tuple(tie("any"), tie("any")).map(([a, b]) => `${a}|${b}`),
    fc.tuple(tie("atom"), tie("atom")).map((p) => p.join("")),
  ),
})).any;

/** Fields by name, and the members of those that have any. */
const named = Object.entries(fields).flatMap(([name, type]) => [
  [name, type.kind] as const,
  ...(type.kind === "parts" ? Object.entries(type.parts).map(([p, of]) => [`${name}.${p}`, of.kind] as const) : []),
  ...(type.kind === "ref" && type.branches
    ? [
        [`${name}.object`, "text"] as const,
        ...["id", ...type.branches.map(({ target }) => target)].map((member) => [`${name}.${member}`, "ref"] as const),
      ]
    : []),
]);

const field = (kind: string): fc.Arbitrary<string> =>
  fc
    .constantFrom(...named.filter(([, of]) => of === kind).map(([name]) => name))
    .chain((name) => fc.constantFrom(name, name, name, `old.${name}`));

type Kinds = Record<
  "text" | "bool" | "int" | "decimal" | "date" | "datetime" | "time" | "duration" | "ref" | "any",
  string
>;

/** Sources of expressions by the type of their result. Every function and operator is among them. */
export const expressions = fc.letrec<Kinds>((tie) => {
  const call = (form: string, ...args: fc.Arbitrary<string>[]): fc.Arbitrary<string> =>
    fc.tuple(...args).map((values) => form.replace(/\$(\d)/g, (_, n: string) => values[Number(n)] ?? ""));
  const number = fc.oneof(tie("int"), tie("decimal"));
  const moment = fc.oneof(tie("date"), tie("datetime"));
  const ordered = fc.constantFrom("text", "int", "decimal", "date", "datetime", "time", "duration");
  const same = (make: (value: fc.Arbitrary<string>, kind: string) => fc.Arbitrary<string>): fc.Arbitrary<string> =>
    ordered.chain((kind) => make(tie(kind as keyof Kinds), kind));
  const depth = { maxDepth: 4, depthIdentifier: fc.createDepthIdentifier() };
  const shared = (kind: keyof Kinds): fc.Arbitrary<string>[] => {
    const value = tie(kind);
    return [
      call("($0 ? $1 : $2)", tie("bool"), value, value),
      call("coalesce($0, $1)", value, value),
      call("coalesce($0, null, $1)", value, fc.oneof(value, fc.constant("null"))),
    ];
  };
  const extremes = (kind: keyof Kinds): fc.Arbitrary<string>[] => [
    call("min($0, $1)", tie(kind), tie(kind)),
    call("max($0, $1, $2)", tie(kind), tie(kind), tie(kind)),
  ];
  const sign = fc.constantFrom("==", "!=", "<", "<=", ">", ">=");

  return {
    text: fc.oneof(
      depth,
      field("text"),
      texts.map(quoted),
      fc.constant("user.name"),
      call("($0 + $1)", tie("text"), tie("text")),
      call("lower($0)", tie("text")),
      call("$0.upper()", tie("text")),
      call("trim($0)", tie("text")),
      ...shared("text"),
      ...extremes("text"),
    ),
    int: fc.oneof(
      depth,
      field("int"),
      integers.map(String),
      fc.constantFrom("0", "1", "2", "0x1F", "user.level"),
      call("($0 $1 $2)", tie("int"), fc.constantFrom("+", "-", "*", "%"), tie("int")),
      call("(-$0)", tie("int")),
      call("size($0)", tie("text")),
      call("tags.size()"),
      call("size([$0, $1])", tie("text"), tie("text")),
      call("$0($1)", fc.constantFrom("round", "floor", "ceil"), number),
      call("abs($0)", tie("int")),
      call("$0($1)", fc.constantFrom("year", "quarter", "month", "day", "weekday"), moment),
      call("days_between($0, $1)", moment, moment),
      call("($0 - $1)", tie("date"), tie("date")),
      ...shared("int"),
      ...extremes("int"),
    ),
    decimal: fc.oneof(
      depth,
      field("decimal"),
      decimalTexts,
      fc.constantFrom("1e3", "2.50", "0.1e-2"),
      call("($0 $1 $2)", tie("decimal"), fc.constantFrom("+", "-", "*", "%"), number),
      call("($0 / $1)", number, number),
      call("round($0, $1)", number, fc.constantFrom("0", "1", "2", "5", "20", "-1", "-3", "-15")),
      call("abs($0)", tie("decimal")),
      call("(-$0)", tie("decimal")),
      ...shared("decimal"),
      ...extremes("decimal"),
    ),
    date: fc.oneof(
      depth,
      field("date"),
      days.map((d) => `date('${formatDate(d)}')`),
      fc.constantFrom("today()", "today"),
      call("date($0)", tie("datetime")),
      call("$0($1, $2)", fc.constantFrom("add_days", "add_months"), tie("date"), tie("int")),
      call("add_months($0, $1)", tie("date"), fc.integer({ min: -40, max: 40 }).map(String)),
      call("($0 $1 $2)", tie("date"), fc.constantFrom("+", "-"), tie("duration")),
      ...shared("date"),
      ...extremes("date"),
    ),
    datetime: fc.oneof(
      depth,
      field("datetime"),
      datetimeTexts.map((d) => `datetime('${d}')`),
      fc.constantFrom("now()", "now"),
      call("datetime($0)", tie("date")),
      call("$0($1, $2)", fc.constantFrom("add_days", "add_months"), tie("datetime"), tie("int")),
      call("add_days($0, $1)", tie("datetime"), fc.integer({ min: -400, max: 400 }).map(String)),
      call("($0 $1 $2)", tie("datetime"), fc.constantFrom("+", "-"), tie("duration")),
      ...shared("datetime"),
      ...extremes("datetime"),
    ),
    time: fc.oneof(
      depth,
      field("time"),
      clocks.map((c) => `time('${formatTime(c)}')`),
      ...shared("time"),
      ...extremes("time"),
    ),
    duration: fc.oneof(
      depth,
      field("duration"),
      fc.constantFrom("duration('36h')", "duration('1h30m')", "duration('90ms')", "duration('3d')"),
      call("($0 $1 $2)", tie("duration"), fc.constantFrom("+", "-"), tie("duration")),
      call("($0 - $1)", tie("datetime"), tie("datetime")),
      call("(-$0)", tie("duration")),
      ...shared("duration"),
      ...extremes("duration"),
    ),
    ref: fc.oneof(depth, field("ref"), fc.constantFrom("user", "user.id"), ...shared("ref")),
    bool: fc.oneof(
      depth,
      field("bool"),
      fc.constantFrom("true", "false", "is_new()"),
      call("($0 && $1)", tie("bool"), tie("bool")),
      call("($0 || $1 || $2)", tie("bool"), tie("bool"), tie("bool")),
      call("(!$0)", tie("bool")),
      same((value) => call("($0 $1 $2)", value, sign, value)),
      same((value) => call("($0 $1 null)", value, fc.constantFrom("==", "!="))),
      same((value) => call("($0 in [$1, $2])", value, value, fc.oneof(value, fc.constant("null")))),
      call("($0 $1 $2)", number, sign, number),
      call("($0 $1 $2)", moment, sign, moment),
      call("($0 $1 '$2')", field("date"), sign, days.map(formatDate)),
      call("($0 $1 '$2')", field("datetime"), sign, fc.oneof(days.map(formatDate), datetimeTexts)),
      call("($0 $1 '$2')", field("time"), sign, clocks.map(formatTime)),
      call("($0 $1 '$2')", field("duration"), sign, fc.constantFrom("4h", "1d")),
      call(
        "($0 $1 $2)",
        field("ref"),
        fc.constantFrom("==", "!="),
        fc.oneof(
          tie("ref"),
          ids.map((id) => `'${id}'`),
        ),
      ),
      call("($0 in ['$1', '$2'])", field("ref"), ids, ids),
      call("($0 in [])", field("text")),
      call("($0 in $1)", tie("text"), fc.constantFrom("tags", "old.tags")),
      call("tags.contains($0)", tie("text")),
      call("contains(['a', $1], $0)", tie("text"), tie("text")),
      call("($0 in scores)", number),
      call("(1.0 in scores)"),
      call("(tags $0 [$1, $2])", fc.constantFrom("==", "!="), texts.map(quoted), tie("text")),
      call("(tags == old.tags)"),
      call("(scores == [$0, 1])", tie("int")),
      call("(($0 ? scores : [$1]) == [$1, 1.5])", tie("bool"), tie("int")),
      call(
        "$0.$1($2)",
        tie("text"),
        fc.constantFrom("contains", "startsWith", "endsWith"),
        fc.oneof(texts.map(quoted), tie("text")),
      ),
      call("contains($0, $1)", tie("text"), texts.map(quoted)),
      call("$0.matches($1)", tie("text"), patterns.map(quoted)),
      call("has($0)", fc.constantFrom(...named.map(([name]) => name), "old.name", "old.home.city", "user.level")),
      call("changed($0)", fc.constantFrom(...named.map(([name]) => name))),
      call("($0 $1 null)", fc.constantFrom("extra", "home"), fc.constantFrom("==", "!=")),
      call("(old $0 null)", fc.constantFrom("==", "!=")),
      call("($0 == $1)", tie("bool"), tie("bool")),
      ...shared("bool"),
    ),
    any: fc.oneof(
      ...(["text", "bool", "bool", "int", "decimal", "date", "datetime", "time", "duration", "ref"] as const).map((k) =>
        tie(k),
      ),
    ),
  };
}).any;
