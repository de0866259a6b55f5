import { expect, test } from "vitest";
import { email } from "../src/email.ts";

test.each([
  ["Mei-Mei Johns", "mei-mei.johns@sales-opportunities.example"],
  ["Joaquín Velarde", "joaquin.velarde@sales-opportunities.example"],
  ["周予安", "u5468u4e88u5b89@sales-opportunities.example"],
])("e-mail of %s", (name, address) => expect(email(name)).toBe(address));
