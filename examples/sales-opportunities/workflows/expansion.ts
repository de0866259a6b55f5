const winsNeeded = 3;

export default async ({ record, crm }) => {
  const opportunities = crm.records("opportunity");
  const ofAccount = `account == '${record.account}'`;

  const wins = await opportunities.find({ filter: `${ofAccount} && stage == 'won'`, select: "id", limit: winsNeeded });
  if (wins.length < winsNeeded) return;

  const expansions = await opportunities.find({
    filter: `${ofAccount} && type == 'expansion'`,
    select: "stage",
    limit: 500,
  });
  if (expansions.some(({ stage }) => stage !== "won" && stage !== "lost")) return;

  const account = await crm.records("account").get(record.account);
  // Two deals of the account won at the same moment count the same expansions, and so meet in one record.
  const key = `expansion:${record.account}:${expansions.length + 1}`;
  await opportunities.upsert("external_id", key, {
    name: `Expansion – ${account.name}`,
    account: record.account,
    owner: record.owner,
    type: "expansion",
    stage: "prospecting",
    start_date: crm.date(),
  });
};
