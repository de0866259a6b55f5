const main: Workflow<"offer", "updated"> = async ({ record, crm }) => {
  await crm.records("property").update(record.property, { status: "under_offer" });
  const others = await crm
    .records("offer")
    .find({ filter: `property == '${record.property}' && status == 'open'`, select: "id", limit: 500 });
  for (const { id } of others) await crm.records("offer").update(id, { status: "rejected" });
  return { rejected: others.length };
};

export default main;
