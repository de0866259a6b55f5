import { email } from "./email.ts";
import type { Client, Fields } from "./objects.ts";
import type { SourceAgent } from "./source.ts";
import { idOf, oneOf, sync, syncPairs } from "./sync.ts";

export interface Member {
  readonly name: string;
  readonly email: string;
  /** The user's id. */
  readonly user: string;
}

export interface Team {
  readonly manager: Member;
  readonly office: string;
  readonly agents: readonly Member[];
}

/** Departments and positions are found again by these external ids, whatever a tenant renames them to. */
const external = (...parts: readonly string[]): string => ["sales-opportunities", ...parts].join("/");
const head = external("head");
const officeId = (office: string): string => external("office", office);
const managerId = (manager: string): string => external("manager", manager);
const agentsId = (manager: string): string => external("agents of", manager);

interface SourceTeam {
  readonly manager: string;
  readonly office: string;
  readonly agents: readonly string[];
}

/** The managers in the order of the file, each with their agents. */
export function teamsOf(agents: readonly SourceAgent[]): SourceTeam[] {
  const byManager = Map.groupBy(agents, (agent) => agent.manager);
  return [...byManager].map(([manager, members]) => ({
    manager,
    office: members[0]?.office ?? "",
    agents: members.map((m) => m.name),
  }));
}

async function loadDepartments(client: Client, teams: readonly SourceTeam[]): Promise<ReadonlyMap<string, string>> {
  const top = await sync(client, "department", "external_id", [{ external_id: head, name: "Regional offices" }]);
  const parent = idOf(top.ids, head);
  const names = [...new Set(teams.map((team) => team.office))];
  const offices = names.map((name) => ({ external_id: officeId(name), name, parent }));
  const below = await sync(client, "department", "external_id", offices);
  return new Map([...top.ids, ...below.ids]);
}

/** A tree of three levels: the head, who sees everything; a position per manager; below it one that the team's agents share. */
async function loadPositions(client: Client, teams: readonly SourceTeam[]): Promise<ReadonlyMap<string, string>> {
  const departments = await loadDepartments(client, teams);
  const load = (positions: readonly Fields[]) => sync(client, "position", "external_id", positions);
  const top = await load([
    { external_id: head, name: "Head of the regional offices", department: idOf(departments, head) },
  ]);
  const inOffice = (team: SourceTeam) => ({ department: idOf(departments, officeId(team.office)) });
  const managers = await load(
    teams.map((team) => ({
      external_id: managerId(team.manager),
      name: `Manager (${team.manager})`,
      parent: idOf(top.ids, head),
      ...inOffice(team),
    })),
  );
  const agents = await load(
    teams.map((team) => ({
      external_id: agentsId(team.manager),
      name: `Agent (${team.manager})`,
      parent: idOf(managers.ids, managerId(team.manager)),
      ...inOffice(team),
    })),
  );
  return new Map([...managers.ids, ...agents.ids]);
}

async function roleIds(client: Client): Promise<{ rep: string; manager: string }> {
  const names = ["sales_rep", "sales_manager"];
  const { data: roles } = await client.records("role").list({ filter: oneOf("name", names) });
  const ids = new Map(roles.map((role) => [String(role["name"]), role.id]));
  return { rep: idOf(ids, "sales_rep"), manager: idOf(ids, "sales_manager") };
}

/** Regional offices become departments, managers and agents users with positions in the org chart and roles. */
export async function loadOrganisation(client: Client, source: readonly SourceAgent[]): Promise<Team[]> {
  const teams = teamsOf(source);
  const names = teams.flatMap((team) => [team.manager, ...team.agents]);
  const users = await sync(
    client,
    "user",
    "email",
    names.map((name) => ({ email: email(name), name })),
  );
  const member = (name: string): Member => ({ name, email: email(name), user: idOf(users.ids, email(name)) });
  const loaded = teams.map((team) => ({
    manager: member(team.manager),
    office: team.office,
    agents: team.agents.map(member),
  }));
  const positions = await loadPositions(client, teams);
  const seats = loaded.flatMap(({ manager, agents }) => [
    { assignee: manager.user, position: idOf(positions, managerId(manager.name)) },
    ...agents.map(({ user }) => ({ assignee: user, position: idOf(positions, agentsId(manager.name)) })),
  ]);
  await syncPairs(client, "user_position", ["assignee", "position"], seats);
  const roles = await roleIds(client);
  const granted = loaded.flatMap(({ manager, agents }) => [
    { assignee: manager.user, role: roles.manager },
    ...agents.map(({ user }) => ({ assignee: user, role: roles.rep })),
  ]);
  await syncPairs(client, "user_role", ["assignee", "role"], granted);
  return loaded;
}
