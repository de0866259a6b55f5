import type { FieldTypeName } from "../types.ts";
import { address } from "./address.ts";
import { autonumber } from "./autonumber.ts";
import { checkbox } from "./checkbox.ts";
import type { FieldType } from "./contract.ts";
import { currency } from "./currency.ts";
import { currencyCode } from "./currency-code.ts";
import { date } from "./date.ts";
import { datetime } from "./datetime.ts";
import { duration } from "./duration.ts";
import { encryptedText } from "./encrypted-text.ts";
import { email } from "./email.ts";
import { file } from "./file.ts";
import { files } from "./files.ts";
import { formula } from "./formula.ts";
import { geo } from "./geo.ts";
import { integer } from "./integer.ts";
import { json } from "./json.ts";
import { longText } from "./long-text.ts";
import { multiPicklist } from "./multi-picklist.ts";
import { number } from "./number.ts";
import { percent } from "./percent.ts";
import { phone } from "./phone.ts";
import { picklist } from "./picklist.ts";
import { rating } from "./rating.ts";
import { reference } from "./reference.ts";
import { references } from "./references.ts";
import { richText } from "./rich-text.ts";
import { rollup } from "./rollup.ts";
import { textType } from "./text.ts";
import { time } from "./time.ts";
import { url } from "./url.ts";
import { uuid } from "./uuid.ts";

/** Every field type that works, by the name a definition uses. */
export const fieldTypes: Readonly<Record<FieldTypeName, FieldType>> = {
  text: textType,
  long_text: longText,
  rich_text: richText,
  email,
  encrypted_text: encryptedText,
  phone,
  url,
  uuid,
  picklist,
  multi_picklist: multiPicklist,
  checkbox,
  integer,
  number,
  percent,
  currency,
  currency_code: currencyCode,
  rating,
  date,
  datetime,
  time,
  duration,
  address,
  geo,
  json,
  autonumber,
  reference,
  references,
  formula,
  rollup,
  file,
  files,
};

export const isFieldType = (name: string): name is FieldTypeName => Object.hasOwn(fieldTypes, name);
