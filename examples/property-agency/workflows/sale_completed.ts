const main: Workflow<"sale", "updated"> = async ({ record, crm }) => {
  await crm.records("property").update(record.property, { status: "sold" });
};

export default main;
