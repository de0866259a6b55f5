/** An object with something of everything: defaults, keys of one and two fields, a reference, rules that look back. */
export const house = {
  name: "house",
  type: "object",
  required: ["address"],
  nameField: "address",
  properties: {
    address: { type: "string", maxLength: 40 },
    code: { type: "string", unique: true },
    plot: { type: "integer", unique: true },
    price: { fieldType: "currency", minimum: 0 },
    status: { enum: ["draft", "listed", "sold"], default: "draft" },
    seen: { type: "string", format: "date", default: "today" },
    street: { type: "string" },
    number: { type: "number" },
    agent: { fieldType: "reference", target: "user" },
  },
  unique: [["street", "number"]],
  rules: [
    {
      name: "sold_needs_agent",
      when: "status == 'sold' && agent == null",
      at: "agent",
      message: "A sold house needs an agent",
      messages: { "zh-CN": "已售房源必须填写经纪人", "zh-TW": "已售房屋必須填寫經紀人" },
    },
    {
      name: "price_falls_slowly",
      when: "old.price != null && price < old.price / 2",
      at: "price",
      message: "The price may fall by a half at most",
    },
    {
      name: "only_mine",
      when: "agent != null && agent != user.id && user.email != 'admin@demo.example'",
      message: "Agents list their own houses",
    },
  ],
};
