const mailDomain = "sales-opportunities.example";

/** `Mei-Mei Johns` → `mei-mei.johns@…`; letters beyond ASCII lose their accents or become their code points. */
export function email(name: string): string {
  const plain = name.normalize("NFKD").replace(/\p{M}/gu, "").trim().toLowerCase().replace(/\s+/g, ".");
  const local = plain.replace(/[^a-z0-9.-]/gu, (letter) => `u${letter.codePointAt(0)?.toString(16)}`);
  return `${local}@${mailDomain}`;
}
