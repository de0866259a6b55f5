import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { guarded, unguarded } from "../src/csv.ts";
import { multiplied, shifted } from "../src/mapping/convert.ts";
import { compileFormat, dateText, instantText } from "../src/mapping/dates.ts";
import { mappingSchema } from "../src/mapping/schema.ts";

describe("formats of dates", () => {
  const read = (format: string, text: string): string | undefined => {
    const local = compileFormat(format)?.(text);
    return local && `${dateText(local)} ${[local.hour, local.minute, local.second].join(":")}`;
  };
  test.each([
    ["M/D/YYYY", "1/31/2026", "2026-01-31 0:0:0"],
    ["M/D/YYYY", "01/09/2026", "2026-01-09 0:0:0"],
    ["DD.MM.YY", "29.02.24", "2024-02-29 0:0:0"],
    ["D.M.YY", "1.2.69", "1969-02-01 0:0:0"],
    ["YYYY年M月D日 HH:mm", "2026年3月4日 05:06", "2026-03-04 5:6:0"],
    ["D MMM YYYY", "4 July 2026", "2026-07-04 0:0:0"],
    ["YYYY-MM-DD h:mm:ss A", "2026-01-01 12:30:15 am", "2026-01-01 0:30:15"],
    ["YYYY-MM-DD h:mm A", "2026-01-01 12:30 PM", "2026-01-01 12:30:0"],
    ["YYYYMMDD", "20260131", "2026-01-31 0:0:0"],
  ])("%s reads %s", (format, text, expected) => expect(read(format, text)).toBe(expected));

  test.each([
    ["M/D/YYYY", "31/1/2026"],
    ["M/D/YYYY", "2/29/2026"],
    ["M/D/YYYY", "1/2/26"],
    ["MM/DD/YYYY", "1/2/2026"],
    ["YYYY-MM-DD", "2026-01-31 "],
    ["YYYY-MM-DD HH:mm", "2026-01-31 24:00"],
    ["D MMM YYYY", "4 Foo 2026"],
    ["YYYY.MM.DD", "2026x01x31"],
  ])("%s does not read %s", (format, text) => expect(read(format, text)).toBeUndefined());

  test.each(["MM-DD", "HH:mm", "YYYY YYYY M D", "YYYY-MM-DD hh:mm", "YYYY-MM-DD HH:mm A", "nothing"])(
    "%s is no format",
    (format) => expect(compileFormat(format)).toBeUndefined(),
  );

  test("wall clocks become instants also where they jump", () => {
    const local = (hour: number, minute: number, month: number, day: number) => ({
      year: 2026,
      month,
      day,
      hour,
      minute,
      second: 0,
    });
    expect(instantText(local(12, 0, 1, 15), "Asia/Shanghai")).toBe("2026-01-15T04:00:00Z");
    expect(instantText(local(12, 0, 7, 15), "America/New_York")).toBe("2026-07-15T16:00:00Z");
    // New York skips 02:30 on 8 March 2026, and shows 01:30 twice on 1 November.
    expect(instantText(local(2, 30, 3, 8), "America/New_York")).toBe("2026-03-08T07:30:00Z");
    expect(instantText(local(1, 30, 11, 1), "America/New_York")).toBe("2026-11-01T06:30:00Z");
  });

  test("law: an instant shown on a zone's clock is read back as itself", () => {
    const zones = fc.constantFrom("UTC", "Asia/Shanghai", "Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe");
    // Hours at which no clock jumps.
    const dates = fc.date({ min: new Date("1990-01-01"), max: new Date("2040-01-01"), noInvalidDate: true });
    fc.assert(
      fc.property(dates, zones, (date, zone) => {
        const seconds = new Date(Math.floor(date.getTime() / 1000) * 1000);
        const shown = new Intl.DateTimeFormat("sv-SE", {
          timeZone: zone,
          dateStyle: "short",
          timeStyle: "medium",
        }).format(seconds);
        const local = compileFormat("YYYY-MM-DD HH:mm:ss")?.(shown);
        expect(local, shown).toBeDefined();
        const read = Date.parse(instantText(local as NonNullable<typeof local>, zone));
        // An hour that a clock shows twice is either of the two.
        expect([0, 1_800_000, 3_600_000]).toContain(Math.abs(read - seconds.getTime()));
        const again = new Intl.DateTimeFormat("sv-SE", {
          timeZone: zone,
          dateStyle: "short",
          timeStyle: "medium",
        }).format(read);
        expect(again).toBe(shown);
      }),
    );
  });
});

describe("numbers in millions", () => {
  test.each([
    ["1100.04", 6, "1100040000"],
    ["0.1", 6, "0100000"],
    ["-1.2345678", 6, "-1234567.8"],
    ["7", 1, "70"],
    ["7.5", 0, "7.5"],
  ])("%s times 10^%d", (text, shift, expected) => expect(shifted(text, shift)).toBe(expected));

  test("law: no digit is lost, however many there are", () => {
    const shifts = fc.integer({ min: 0, max: 9 });
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), shifts, shifts, (n, places, shift) => {
        const digits = String(n).padStart(places + 1, "0");
        const text = places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
        const [whole = "", rest = ""] = shifted(text, shift).split(".");
        expect(BigInt(whole + rest.padEnd(places, "0"))).toBe(n * 10n ** BigInt(shift));
      }),
    );
  });
});

describe("units of durations", () => {
  test.each([
    ["1.5", 3_600, "5400"],
    ["+0.25", 86_400, "21600"],
    ["-0.5", 60, "-30"],
    ["007", 60, "420"],
    ["0.001", 60, "0.06"],
    ["1.50", 1, "1.50"],
  ])("%s of %d seconds", (text, factor, expected) => expect(multiplied(text, factor)).toBe(expected));

  test("law: no digit is lost, however many there are", () => {
    const units = fc.constantFrom(60, 3_600, 86_400);
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }),
        fc.integer({ min: 1, max: 9 }),
        units,
        (n, places, unit) => {
          const digits = String(n < 0n ? -n : n).padStart(places + 1, "0");
          const text = `${n < 0n ? "-" : ""}${digits.slice(0, -places)}.${digits.slice(-places)}`;
          const [whole = "", rest = ""] = multiplied(text, unit).split(".");
          expect(rest.length).toBeLessThanOrEqual(places);
          expect(BigInt(whole + rest.padEnd(places, "0"))).toBe(n * BigInt(unit));
        },
      ),
    );
  });
});

describe("cells that a spreadsheet would run", () => {
  test("are guarded, and nothing else is", () => {
    for (const text of ["=1+1", "+cmd", "-2", "@SUM(A1)", "\tx", "'=1"]) expect(guarded(text)).toBe(`'${text}`);
    for (const text of ["", "a=1", "'quoted'", " =1", "茶"]) expect(guarded(text)).toBe(text);
  });
  test("law: what was guarded comes back as it was", () => {
    const text = fc.string({ unit: fc.constantFrom("'", "=", "+", "-", "@", "\t", "a", " ") });
    fc.assert(fc.property(text, (t) => unguarded(guarded(t)) === t && !/^[=+\-@\t\r]/.test(guarded(t))));
  });
});

test("schemas/mapping.json is the schema that mappings are held to", () => {
  const file = readFileSync(new URL("../../../schemas/mapping.json", import.meta.url), "utf8");
  expect(JSON.parse(file)).toEqual(mappingSchema);
});
