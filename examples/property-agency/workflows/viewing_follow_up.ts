const day = 24 * 60 * 60 * 1000;

const main: Workflow<"viewing", "updated"> = async ({ record, crm }) => {
  await crm.until(new Date(Date.parse(record.starts_at) + day));
  const property = await crm.records("property").get(record.property);
  if (property.status === "sold" || property.status === "withdrawn") return "nothing to ask any more";
  const visitor = await crm.records("client").get(record.visitor);
  await crm.records("follow_up").create({
    subject: `${visitor.name}: ${property.name}?`,
    due: crm.date("+1d"),
    owner: record.owner,
    client: visitor.id,
    property: property.id,
  });
};

export default main;
