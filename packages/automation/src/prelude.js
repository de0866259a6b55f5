/* oxlint-disable no-unused-expressions -- the file is one expression */
/*
 * Builds what a script sees of the platform. Called once per isolate with the host's door; everything asked of the platform leaves through
 * `host.call`, so the list of what a script can do is the list of calls on the other side.
 */
(function prelude(host) {
  "use strict";
  const { freeze, create } = Object;
  const { apply } = Reflect;
  const NativeDate = Date;
  const NativeError = Error;
  const NativeTypeError = TypeError;
  const DateTimeFormat = Intl.DateTimeFormat;
  const { formatToParts } = DateTimeFormat.prototype;
  const { toISOString, getTime } = NativeDate.prototype;
  const { exec } = RegExp.prototype;
  const { slice, padStart } = String.prototype;
  const { then } = Promise.prototype;
  const match = (pattern, text) => apply(exec, pattern, [text]);
  const toText = String;
  const toNumber = Number;
  const utc = NativeDate.UTC;
  const isFiniteNumber = Number.isFinite;

  /** The single faults of a refusal (`errors`) stand beside its code. */
  const call = (op, args) =>
    apply(then, host.call(op, args), [
      undefined,
      (error) => {
        if (error.data !== undefined) error.errors = error.data;
        throw error;
      },
    ]);

  const records = (object) =>
    freeze({
      get: (id) => call("records.get", { object, id }),
      find: (query) => call("records.find", { object, query }),
      aggregate: (query) => call("records.aggregate", { object, query }),
      create: (value) => call("records.create", { object, value }),
      update: (id, patch) => call("records.update", { object, id, patch }),
      upsert: (field, key, value) => call("records.upsert", { object, field, key, value }),
      delete: (id, options) => call("records.delete", { object, id, options }),
    });

  const units = freeze({ __proto__: null, ms: 1, s: 1000, m: 60000, h: 3600000, d: 86400000, w: 604800000 });

  function duration(text) {
    if (typeof text === "number" && isFiniteNumber(text) && text >= 0) return text;
    let rest = toText(text);
    let total = 0;
    while (rest !== "") {
      const found = match(/^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/, rest);
      if (found === null) throw new NativeTypeError(`not a duration: ${toText(text)} (write 90s, 1h30m, 3d)`);
      total += toNumber(found[1]) * units[found[2]];
      rest = apply(slice, rest, [found[0].length]);
    }
    return total;
  }

  function timeOf(value) {
    const ms = typeof value === "number" ? value : apply(getTime, new NativeDate(value), []);
    if (!isFiniteNumber(ms)) throw new NativeTypeError(`not a time: ${toText(value)}`);
    return ms;
  }

  const two = (n) => apply(padStart, toText(n), [2, "0"]);
  const dateText = (year, month, day) => `${apply(padStart, toText(year), [4, "0"])}-${two(month)}-${two(day)}`;

  /** The calendar day at the run's clock where the tenant is. */
  function today(timeZone) {
    const format = new DateTimeFormat("en", {
      timeZone,
      calendar: "gregory",
      numberingSystem: "latn",
      year: "numeric",
      month: "numeric",
      day: "numeric",
    });
    const parts = apply(formatToParts, format, [host.now()]);
    const found = create(null);
    for (let i = 0; i < parts.length; i++) found[parts[i].type] = toNumber(parts[i].value);
    return found;
  }

  function dateFrom(timeZone, offset) {
    const { year, month, day } = today(timeZone);
    if (offset === undefined) return dateText(year, month, day);
    const found = match(/^([+-]\d{1,6})(d|w|m|y)$/, toText(offset));
    if (found === null)
      throw new NativeTypeError(`not an offset of days: ${toText(offset)} (write +1d, -2w, +3m, +1y)`);
    const n = toNumber(found[1]);
    const unit = found[2];
    const moved =
      unit === "d" || unit === "w"
        ? new NativeDate(utc(year, month - 1, day + n * (unit === "w" ? 7 : 1)))
        : addMonths(year, month, day, unit === "y" ? 12 * n : n);
    const text = apply(toISOString, moved, []);
    return apply(slice, text, [0, 10]);
  }

  /** Stays within the month: a month after 31 January is 28 or 29 February. */
  function addMonths(year, month, day, n) {
    const last = new NativeDate(utc(year, month - 1 + n + 1, 0));
    const lastDay = toNumber(apply(slice, apply(toISOString, last, []), [8, 10]));
    return new NativeDate(utc(year, month - 1 + n, day < lastDay ? day : lastDay));
  }

  function refuse(message, field) {
    const error = new NativeError(toText(message));
    error.code = "GX-REFUSED";
    error.data = field === undefined ? {} : { field: toText(field) };
    return error;
  }

  function createCrm(timeZone) {
    return freeze({
      records,
      sleep: (time) => call("wait", { until: host.now() + duration(time) }),
      until: (time) => call("wait", { until: timeOf(time) }),
      date: (offset) => dateFrom(timeZone, offset),
      now: () => apply(toISOString, new NativeDate(host.now()), []),
      refuse,
      log: (...parts) => host.log("info", ...parts),
    });
  }

  return async function run(main, { before, record, old, actor, timeZone }) {
    const result = await main({ record, old, actor, crm: createCrm(timeZone) });
    return before ? record : result;
  };
});
