const refusals = {
  en: "This property is not on the market, so it cannot be shown.",
  "zh-CN": "该房源不在售，不能预约看房。",
  "zh-TW": "該房源不在售，不能預約看屋。",
};

const main: Workflow<"viewing", "before_create"> = async ({ record, actor, crm }) => {
  if (!record.property || !actor) return;
  const { status } = await crm.records("property").get(record.property);
  if (status === "listed" || status === "under_offer") return;
  const { locale } = await crm.records("user").get(actor.id);
  throw crm.refuse(refusals[locale ?? "en"], "property");
};

export default main;
