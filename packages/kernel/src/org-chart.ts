import { GuanxiError } from "@guanxi/base";
import { quote } from "@guanxi/store";
import type { Session } from "./types.ts";

/**
 * Writes anew who stands above whom, in the transaction that changed positions or who holds them. Lists then read one
 * indexed table instead of walking the tree. Holders of one position do not see each other's records.
 */
export async function rebuildOrgChart(session: Session): Promise<void> {
  const s = quote(session.snapshot.settings.schema);
  await refuseRings(session, s);
  await session.connection.sql(`WITH RECURSIVE tree(top, id) AS (
      SELECT id, id FROM ${s}.position WHERE deleted_at IS NULL
      UNION
      SELECT t.top, p.id FROM tree t JOIN ${s}.position p ON p.parent = t.id AND p.deleted_at IS NULL
    ), now_below AS (
      SELECT DISTINCT above.assignee AS manager, below.assignee AS subordinate
      FROM tree t
      JOIN ${s}.user_position above ON above.position = t.top AND above.deleted_at IS NULL
      JOIN ${s}.user_position below ON below.position = t.id AND below.deleted_at IS NULL
      WHERE t.top <> t.id AND above.assignee <> below.assignee
    ), gone AS (
      DELETE FROM ${s}._below b WHERE NOT EXISTS (SELECT FROM now_below n WHERE n.manager = b.manager AND n.subordinate = b.subordinate)
    )
    INSERT INTO ${s}._below SELECT manager, subordinate FROM now_below ON CONFLICT DO NOTHING`);
}

/** Positions form a tree: in a ring everybody would stand above everybody. */
async function refuseRings(session: Session, s: string): Promise<void> {
  const [ring] = await session.connection.sql(`WITH RECURSIVE below(top, id) AS (
      SELECT parent, id FROM ${s}.position WHERE parent IS NOT NULL AND deleted_at IS NULL
      UNION
      SELECT b.top, p.id FROM below b JOIN ${s}.position p ON p.parent = b.id AND p.deleted_at IS NULL
    )
    SELECT top FROM below WHERE top = id LIMIT 1`);
  if (!ring) return;
  const message = "the position would stand above itself";
  const text = { en: message, "zh-CN": "岗位不能成为自己的上级", "zh-TW": "職位不能成為自己的上級" };
  throw new GuanxiError("VALIDATION", { issues: [{ path: "/parent", code: "definition", text, params: { message } }] });
}
