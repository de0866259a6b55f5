import { isId } from "@guanxi/base";
import { fullFormats } from "ajv-formats/dist/formats.js";
import { canonicalInstant } from "./calendar.ts";

/** RFC 3339 appendix A: no unit is left out between two others. */
const duration =
  /^P(?!$)(?:\d+W|(?:(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)(?=T|$))?(?:T(?=\d)(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S))?)$/;

function isRegex(value: string): boolean {
  try {
    new RegExp(value, "u");
    return true;
  } catch {
    return false;
  }
}

/** The formats of texts that are asserted, also inside json; ours where the library takes what the standard does not. */
export const formats = {
  ...fullFormats,
  uuid: isId,
  duration,
  regex: isRegex,
  // Any number of digits after the point, of which we read those that we could keep.
  "date-time": (value: string): boolean => canonicalInstant(value.replace(/(\.\d{6})\d+/, "$1")) !== undefined,
};

export const knownFormats: ReadonlySet<string> = new Set(Object.keys(formats));
