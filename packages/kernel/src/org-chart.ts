import { quoteSchema } from "@guanxi/store";
import type { Session } from "./types.ts";

/**
 * Writes anew who stands above whom, in the transaction that changed positions or who holds them. Lists then read one
 * indexed table instead of walking the tree. Holders of one position do not see each other's records.
 */
export async function rebuildOrgChart(session: Session): Promise<void> {
  const s = quoteSchema(session.snapshot.settings.schema);
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
