export default async ({ record, crm }) => {
  await crm.records("task").create({
    title: `Follow up: ${record.name}`.slice(0, 250),
    owner: record.owner,
    due: crm.date("+7d"),
    opportunity: record.id,
    account: record.account,
  });
};
