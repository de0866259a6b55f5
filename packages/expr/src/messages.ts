import { type Text, text } from "@guanxi/base";

const suggestion = (name: string | undefined): [en: string, cn: string, tw: string] =>
  name === undefined
    ? ["", "", ""]
    : [` — did you mean "${name}"?`, `，是否想写“${name}”？`, `，是否想寫「${name}」？`];

/** Every reason for which an expression is refused. */
export const messages = {
  unexpected: (found: string) =>
    text(`"${found}" is not expected here`, `此处不应出现“${found}”`, `此處不應出現「${found}」`),
  ended: () => text("the expression ends too early", "表达式不完整", "運算式不完整"),
  unclosedText: () => text("the text has no closing quote", "文本缺少结束引号", "文字缺少結束引號"),
  lineInText: () =>
    text("a text may not go over several lines; write \\n", "文本不能跨行，请写 \\n", "文字不能跨行，請寫 \\n"),
  escape: () => text("the escape sequence is not valid", "转义序列无效", "跳脫序列無效"),
  reserved: (word: string) => text(`"${word}" is a reserved word`, `“${word}”是保留字`, `「${word}」是保留字`),
  number: () => text("the number is not valid", "数字无效", "數字無效"),
  unsigned: () => text("numbers have no suffix", "数字不能带后缀", "數字不能帶後綴"),
  syntax: () => text("the expression cannot be read", "无法读取表达式", "無法讀取運算式"),
  tooLong: (limit: number) =>
    text(
      `the expression is longer than ${limit} characters`,
      `表达式超过 ${limit} 个字符`,
      `運算式超過 ${limit} 個字元`,
    ),
  tooDeep: (limit: number) =>
    text(
      `the expression nests deeper than ${limit} levels`,
      `表达式嵌套超过 ${limit} 层`,
      `運算式巢狀超過 ${limit} 層`,
    ),
  tooMany: () => text("the expression has too many parts", "表达式的组成部分过多", "運算式的組成部分過多"),
  characters: () =>
    text(
      "a text may not hold NUL characters or lone surrogates",
      "文本不能包含 NUL 字符或孤立代理项",
      "文字不能包含 NUL 字元或孤立代理項",
    ),
  concatenations: (limit: number) =>
    text(`texts are joined more than ${limit} times`, `文本拼接超过 ${limit} 次`, `文字串接超過 ${limit} 次`),
  digits: (limit: number) =>
    text(`the number could have more than ${limit} digits`, `数字可能超过 ${limit} 位`, `數字可能超過 ${limit} 位`),
  unsupported: (what: string) => text(`${what} is not supported`, `不支持 ${what}`, `不支援 ${what}`),

  unknownField: (field: string, near?: string) => {
    const [en, cn, tw] = suggestion(near);
    return text(`there is no field "${field}"${en}`, `没有字段“${field}”${cn}`, `沒有欄位「${field}」${tw}`);
  },
  unknownMember: (name: string, known: string) =>
    text(
      `there is no "${name}" here, only ${known}`,
      `此处没有“${name}”，只有 ${known}`,
      `此處沒有「${name}」，只有 ${known}`,
    ),
  unknownFunction: (name: string, near?: string) => {
    const [en, cn, tw] = suggestion(near);
    return text(`there is no function "${name}"${en}`, `没有函数“${name}”${cn}`, `沒有函式「${name}」${tw}`);
  },
  functionAsName: (name: string) =>
    text(
      `"${name}" is a function: write ${name}(…)`,
      `“${name}”是函数，请写 ${name}(…)`,
      `「${name}」是函式，請寫 ${name}(…)`,
    ),
  notMethod: (name: string) =>
    text(
      `write ${name}(…) as a function, not after a dot`,
      `请以函数形式书写 ${name}(…)`,
      `請以函式形式書寫 ${name}(…)`,
    ),
  noOld: () => text('"old" is not known here', "此处没有“old”", "此處沒有「old」"),
  noUser: () => text('"user" is not known here', "此处没有“user”", "此處沒有「user」"),
  oldAlone: () => text('"old" needs a field: old.name', "“old”后需要字段：old.name", "「old」後需要欄位：old.name"),
  noWalk: (field: string) =>
    text(
      `only own fields can be used here, not fields of the record that "${field}" refers to`,
      `此处只能使用自身字段，不能使用“${field}”所引用记录的字段`,
      `此處只能使用自身欄位，不能使用「${field}」所參照記錄的欄位`,
    ),
  inFormula: (field: string, why: Text) =>
    text(
      `the formula ${field} cannot be used here: ${why.en}`,
      `此处不能使用公式 ${field}：${why["zh-CN"] ?? why.en}`,
      `此處不能使用公式 ${field}：${why["zh-TW"] ?? why.en}`,
    ),
  formulaCycle: (cycle: string) =>
    text(`a formula cannot use itself: ${cycle}`, `公式不能使用自身：${cycle}`, `公式不能使用自身：${cycle}`),
  formulaLevels: (limit: number) =>
    text(
      `formulas that use formulas lead on over more than ${limit} levels`,
      `公式套用公式超过 ${limit} 层`,
      `公式套用公式超過 ${limit} 層`,
    ),
  formulaParts: (limit: number) =>
    text(
      `with the formulas that it uses, the expression has more than ${limit} parts`,
      `连同所用公式，表达式的组成部分超过 ${limit} 个`,
      `連同所用公式，運算式的組成部分超過 ${limit} 個`,
    ),
  notReference: (field: string, type: string) =>
    text(
      `"${field}" is ${type}, not a reference: it has no fields`,
      `“${field}”是 ${type}，不是引用，没有字段`,
      `「${field}」是 ${type}，不是參照，沒有欄位`,
    ),
  noRelated: () =>
    text(
      "tests of related records are not supported here, only own fields",
      "此处不支持对关联记录的判断，只能使用自身字段",
      "此處不支援對關聯記錄的判斷，只能使用自身欄位",
    ),
  unknownRelation: (name: string) =>
    text(
      `there is no relation "${name}": it is called as the reference says in "relation", else by the plural of the object that refers here`,
      `没有关联“${name}”：关联名由引用字段的 relation 指定，否则为引用方对象的复数名`,
      `沒有關聯「${name}」：關聯名由參照欄位的 relation 指定，否則為參照方物件的複數名`,
    ),
  relationOnly: (ask: string) =>
    text(
      `${ask}(…) asks about records that refer to one or are in a list of it: opportunities.${ask}(o, o.amount > 0)`,
      `${ask}(…) 用于引用本记录的记录或列表中的记录：opportunities.${ask}(o, o.amount > 0)`,
      `${ask}(…) 用於參照本記錄的記錄或清單中的記錄：opportunities.${ask}(o, o.amount > 0)`,
    ),
  tests: (limit: number) =>
    text(
      `with the formulas that it uses, the expression tests related records more than ${limit} times`,
      `连同所用公式，表达式对关联记录的判断超过 ${limit} 次`,
      `連同所用公式，運算式對關聯記錄的判斷超過 ${limit} 次`,
    ),
  testDepth: (limit: number) =>
    text(
      `tests of related records stand in each other over more than ${limit} levels`,
      `对关联记录的判断嵌套超过 ${limit} 层`,
      `對關聯記錄的判斷巢狀超過 ${limit} 層`,
    ),
  variableTaken: (name: string) =>
    text(`"${name}" already means something else here`, `“${name}”在此处已有其他含义`, `「${name}」在此處已有其他含義`),
  fieldOnly: (name: string) =>
    text(`${name}() takes the name of a field`, `${name}() 需要字段名`, `${name}() 需要欄位名稱`),

  operands: (name: string, types: string) =>
    text(`${name} does not take ${types}`, `${name} 不接受 ${types}`, `${name} 不接受 ${types}`),
  argumentCount: (name: string, wanted: string, got: number) =>
    text(
      `${name} takes ${wanted} arguments, not ${got}`,
      `${name} 需要 ${wanted} 个参数，实际为 ${got} 个`,
      `${name} 需要 ${wanted} 個參數，實際為 ${got} 個`,
    ),
  notLiteral: (value: string, type: string) =>
    text(`"${value}" is not a valid ${type}`, `“${value}”不是有效的 ${type}`, `「${value}」不是有效的 ${type}`),
  literalOnly: (name: string) =>
    text(
      `the last argument of ${name} must be written out`,
      `${name} 的最后一个参数必须是字面值`,
      `${name} 的最後一個參數必須是字面值`,
    ),
  places: (from: number, to: number) =>
    text(
      `digits must be a whole number from ${from} to ${to}`,
      `位数必须是 ${from} 到 ${to} 的整数`,
      `位數必須是 ${from} 到 ${to} 的整數`,
    ),
  mixedList: (types: string) =>
    text(
      `a list holds values of one type, not ${types}`,
      `列表的值必须为同一类型，不能是 ${types}`,
      `清單的值必須為同一類型，不能是 ${types}`,
    ),
  expected: (wanted: string, got: string) =>
    text(
      `the expression must give ${wanted}, but gives ${got}`,
      `表达式的结果必须是 ${wanted}，实际为 ${got}`,
      `運算式的結果必須是 ${wanted}，實際為 ${got}`,
    ),

  pattern: (why: string) =>
    text(`the pattern is not valid: ${why}`, `正则表达式无效：${why}`, `正規表示式無效：${why}`),
  patternUnsupported: (what: string) =>
    text(`patterns do not support ${what}`, `正则表达式不支持 ${what}`, `正規表示式不支援 ${what}`),
  patternSize: () => text("the pattern is too large", "正则表达式过大", "正規表示式過大"),
} as const satisfies Record<string, (...args: never[]) => Text>;
