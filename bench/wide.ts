/** An object of so many text fields, for what depends on how many there are; `field` begins their names. */
export const wideObject = (name: string, fields: number, field = "f") => ({
  name,
  plural: `${name}s`,
  type: "object" as const,
  nameField: `${field}0`,
  properties: Object.fromEntries(
    Array.from({ length: fields }, (_, i) => [`${field}${i}`, { type: "string" as const, maxLength: 80 }]),
  ),
});
