import { createWorkflowCheck, scriptPrelude } from "@guanxi/automation";
import { isGuanxiError, type Issue, type Locale } from "@guanxi/base";
import { mappingFaults } from "@guanxi/bulk";
import { type DraftTenant, draftTenant } from "@guanxi/kernel";
import { createScriptTypes } from "@guanxi/rest";
import { salesPlugin } from "@guanxi/sales";
import { createSandbox } from "@guanxi/sandbox";

/** The only work is one after the other: reading scripts. */
const sandboxSettings = {
  runsPerChild: 1,
  rssLimitMb: 300,
  spareChildren: 0,
  maxChildren: 1,
  observe: () => undefined,
};

/**
 * Checks a change set as a server would that has nothing but what the platform brings, without a server or database. → what is wrong, with
 * paths into the body. Scripts are checked where the objects are right.
 */
export async function examineDefinitions(body: unknown, locale: Locale): Promise<readonly Issue[]> {
  let draft: DraftTenant;
  try {
    draft = await draftTenant(body, [salesPlugin], ["workflows", "mappings"]);
  } catch (error) {
    if (!isGuanxiError(error)) throw error;
    return error.issues.length > 0
      ? error.issues
      : [{ path: "", code: "definition", params: { message: error.message } }];
  }
  const sandbox = createSandbox({ ...sandboxSettings, prelude: scriptPrelude });
  try {
    const check = createWorkflowCheck(sandbox, createScriptTypes(1));
    const found: Issue[] = [];
    for (const { path, value } of draft.others.get("mappings") ?? [])
      for (const issue of mappingFaults(draft.session, value)) found.push({ ...issue, path: path + issue.path });
    for (const { path, value } of draft.others.get("workflows") ?? [])
      for (const issue of await check(draft.session, value, locale)) found.push({ ...issue, path: path + issue.path });
    return found;
  } finally {
    await sandbox.close();
  }
}
