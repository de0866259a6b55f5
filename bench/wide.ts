/** An object of so many text fields, for what depends on how many there are. */
export const wideObject = (name: string, fields: number) => ({
  name,
  plural: `${name}s`,
  type: "object" as const,
  nameField: "f0",
  properties: Object.fromEntries(
    Array.from({ length: fields }, (_, i) => [`f${i}`, { type: "string" as const, maxLength: 80 }]),
  ),
});
