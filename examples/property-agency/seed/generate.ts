/**
 * Makes the files beside it: a made-up agency with three offices' worth of people, areas, clients, properties, viewings and offers, as
 * its old system would export them. The same seed gives the same files: `node seed/generate.ts`.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

const seed = 20260301;
const clientCount = 45;
const propertyCount = 60;
const viewingCount = 90;

/** Mulberry32: small, and the same on every machine. */
function random(state: number): () => number {
  let s = state;
  return () => {
    s = (s + 0x6d2b79f5) | 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

let next = random(seed);
const below = (n: number): number => Math.floor(next() * n);
const pick = <T>(all: readonly T[]): T => all[below(all.length)] as T;

type Cell = string | number;
const quoted = (cell: Cell): string => (/[",\n]/.test(String(cell)) ? `"${cell}"` : String(cell));
const csv = (head: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  `${[head, ...rows].map((row) => row.map(quoted).join(",")).join("\n")}\n`;

/** Long past, so that what the rules ask of the present holds whenever the files are imported. */
const dayOf = (days: number): Date => new Date(Date.UTC(2025, 2, 1 + days));
const pad = (n: number): string => String(n).padStart(2, "0");
const chineseDate = (days: number): string => {
  const at = dayOf(days);
  return `${at.getUTCFullYear()}年${at.getUTCMonth() + 1}月${at.getUTCDate()}日`;
};
const plainDate = (days: number): string => dayOf(days).toISOString().slice(0, 10);

// [name, e-mail, role, position, language]
const people = [
  ["沈若兰", "ruolan.shen@agency.example", "manager", "Pudong office", "zh-CN"],
  ["Marcus Feng", "marcus.feng@agency.example", "agent", "Pudong agents", "en"],
  ["陆一舟", "yizhou.lu@agency.example", "agent", "Pudong agents", "zh-CN"],
  ["Helena Brandt", "helena.brandt@agency.example", "manager", "Suzhou office", "en"],
  ["顾念慈", "nianci.gu@agency.example", "agent", "Suzhou agents", "zh-CN"],
  ["林宜庭", "yiting.lin@agency.example", "agent", "Suzhou agents", "zh-TW"],
  ["方慧敏", "huimin.fang@agency.example", "back_office", "Head office", "zh-CN"],
] as const;
const agents = people.filter(([, , role]) => role === "agent").map(([, email]) => email);

// [name, reports to], in the order in which they can be made
const positions = [
  ["Head office", ""],
  ["Pudong office", "Head office"],
  ["Suzhou office", "Head office"],
  ["Pudong agents", "Pudong office"],
  ["Suzhou agents", "Suzhou office"],
] as const;

/** What a square metre costs there, in CNY. */
interface Area {
  readonly code: string;
  readonly name: string;
  readonly city: string;
  readonly district: string;
  readonly perSqm: number;
  readonly lat: number;
  readonly lng: number;
  readonly streets: readonly string[];
}
const area = (
  [code, name, city, district]: readonly [string, string, string, string],
  perSqm: number,
  [lat, lng]: readonly [number, number],
  streets: readonly string[],
): Area => ({ code, name, city, district, perSqm, lat, lng, streets });
const areas: readonly Area[] = [
  area(["SH-LJZ", "陆家嘴", "上海", "浦东新区"], 128_000, [31.24, 121.5], ["世纪大道", "花园石桥路"]),
  area(["SH-ZJ", "张江", "上海", "浦东新区"], 82_000, [31.2, 121.59], ["祖冲之路", "碧波路"]),
  area(["SH-HSL", "衡山路", "上海", "徐汇区"], 118_000, [31.21, 121.44], ["衡山路", "高安路"]),
  area(["SH-JAS", "静安寺", "上海", "静安区"], 115_000, [31.22, 121.45], ["南京西路", "愚园路"]),
  area(["SZ-PJ", "平江路", "苏州", "姑苏区"], 31_000, [31.31, 120.63], ["平江路", "白塔东路"]),
  area(["SZ-DYH", "独墅湖", "苏州", "吴中区"], 36_000, [31.27, 120.73], ["松涛街", "仁爱路"]),
  area(["HZ-WJQ", "文教区", "杭州", "西湖区"], 62_000, [30.28, 120.13], ["文三路", "教工路"]),
  area(["HZ-CY", "长河", "杭州", "滨江区"], 48_000, [30.19, 120.19], ["江南大道", "网商路"]),
];

const families = ["王", "李", "张", "刘", "陈", "杨", "黄", "吴", "赵", "周", "徐", "孙", "许", "何", "郑"];
const givens = ["子涵", "雨桐", "浩然", "静怡", "思远", "佳宁", "文博", "晓彤", "志强", "美玲", "俊杰", "欣妍"];
const foreigners = ["Ingrid Solberg", "Tomás Rivera", "Aoife Byrne", "Kenji Mori", "Amara Diallo", "Lukas Weiss"];
const companies = ["上海澄岸置业有限公司", "苏州云岫商贸有限公司", "Brightwater Holdings Ltd", "杭州墨棠餐饮有限公司"];

interface Client {
  readonly ref: string;
  readonly agent: string;
  readonly kinds: string;
  readonly row: readonly Cell[];
}

function clients(): Client[] {
  return Array.from({ length: clientCount }, (_, i) => {
    const ref = `C-${String(i + 1).padStart(3, "0")}`;
    const name =
      i % 9 === 4
        ? (companies[Math.floor(i / 9) % companies.length] as string)
        : i % 7 === 3
          ? (foreigners[Math.floor(i / 7) % foreigners.length] as string)
          : pick(families) + pick(givens);
    const kinds = i % 3 === 0 ? "buyer" : i % 3 === 1 ? "seller" : pick(["buyer", "seller|buyer"]);
    const agent = agents[i % agents.length] as string;
    const isBuyer = kinds.includes("buyer");
    const phone = `13${below(10)} ${1000 + below(9000)} ${1000 + below(9000)}`;
    const email = i % 4 === 0 ? `client${i + 1}@mail.example` : "";
    const born = `19${60 + below(39)}${pad(1 + below(12))}${pad(1 + below(28))}`;
    const identity = i % 2 === 0 ? `310101${born}${1000 + below(9000)}` : "";
    const budget = isBuyer ? 200 + 50 * below(40) : "";
    const wanted = isBuyer ? areas.filter((_, n) => n % 4 === i % 4).map(({ code }) => code) : [];
    const source = pick(["website", "referral", "walk-in", "portal"]);
    return {
      ref,
      agent,
      kinds,
      row: [ref, name, kinds, phone, email, identity, source, budget, wanted.join("|"), pick(["yes", "no"]), agent],
    };
  });
}

const homes = ["花园", "公馆", "雅苑", "名邸", "里弄", "Residence", "Court", "Garden"];
const uses = { 写字楼: "Office", 商铺: "Shop", 仓库: "Warehouse" } as const;

interface Property {
  readonly ref: string;
  readonly agent: string;
  readonly status: string;
  /** 万元. */
  readonly price: number;
  readonly listed: number;
  readonly row: readonly Cell[];
}

/** The statuses of the old system; most are on the market. */
function statusOf(i: number): string {
  if (i % 10 === 7) return "草稿";
  if (i % 10 === 8) return "已下架";
  return i % 12 === 5 ? "已售" : "在售";
}

function features(commercial: boolean): string {
  const all = commercial ? ["近地铁", "电梯", "车位", "卸货平台"] : ["近地铁", "电梯", "车位", "阳台", "花园"];
  return all.filter(() => next() < 0.4).join("、");
}

function property(i: number, sellers: readonly Client[]): Property {
  const ref = `AG-${String(i + 1).padStart(3, "0")}`;
  const seller = sellers[i % sellers.length] as Client;
  const where = areas[i % areas.length] as Area;
  const commercial = i % 5 === 4;
  const use = commercial ? pick(["写字楼", "商铺", "仓库"] as const) : "";
  const rooms = commercial ? "" : 1 + below(5);
  const size = commercial ? 80 + below(400) : 30 + Number(rooms) * (18 + below(14));
  const price = Math.round((size * where.perSqm * (0.85 + next() * 0.3) * (use === "仓库" ? 0.3 : 1)) / 10_000);
  const street = pick(where.streets);
  const house = `${1 + below(400)}号`;
  const name =
    use === "" ? `${where.name}${pick(homes)} ${1 + below(30)}-${100 + below(900)}` : `${street} ${uses[use]} ${use}`;
  const status = statusOf(i);
  const listed = below(200);
  const place = `${(where.lat + next() / 100).toFixed(5)},${(where.lng + next() / 100).toFixed(5)}`.split(",");
  const type = commercial ? "商业" : "住宅";
  return {
    ...{ ref, agent: seller.agent, status, price, listed },
    row: [
      ...[ref, name, type, status, seller.ref, where.city, where.district, where.code, `${street}${house}`],
      ...(place as [string, string]),
      ...[price, size, rooms, use, features(commercial), chineseDate(listed), seller.agent],
    ],
  };
}

const propertyHead = [
  ...["房源编号", "名称", "类型", "状态", "卖方编号", "城市", "区", "片区代码", "街道门牌", "纬度", "经度"],
  ...["报价（万元）", "建筑面积", "房间数", "用途", "特点", "上架日期", "经纪人"],
];

/** Only who looks after a property shows it, and to clients of their own, since nobody else sees both. */
function viewings(shown: readonly Property[], buyers: readonly Client[]): Cell[][] {
  return Array.from({ length: viewingCount }, (_, i) => {
    const { ref, agent, listed } = shown[i % shown.length] as Property;
    const visitor = pick(buyers.filter((buyer) => buyer.agent === agent));
    const outcome = pick(["held", "held", "held", "no show", "cancelled"]);
    const at = `${plainDate(listed + 3 + Math.floor(i / 4))} ${9 + below(9)}:${pick(["00", "30"])}`;
    return [ref, visitor.ref, at, pick([30, 30, 45, 60]), outcome, outcome === "held" ? 1 + below(5) : "", agent];
  });
}

function offers(shown: readonly Property[], buyers: readonly Client[]): Cell[][] {
  return shown
    .filter((_, i) => i % 2 === 0)
    .flatMap(({ ref, agent, price, listed }, i) => {
      const own = buyers.filter((buyer) => buyer.agent === agent);
      return Array.from({ length: 1 + (i % 3) }, (__, nth) => {
        const amount = (price * 10_000 * (0.88 + next() * 0.1)).toFixed(2);
        const made = listed + 10 + below(20);
        const status = nth === 0 ? "open" : pick(["open", "rejected", "withdrawn"]);
        return [
          `O-${i + 1}-${nth + 1}`,
          ref,
          pick(own).ref,
          amount,
          status,
          plainDate(made),
          plainDate(made + 14),
          agent,
        ];
      });
    });
}

/** The files by name. */
export function seedFiles(): Record<string, string> {
  next = random(seed);
  const everybody = clients();
  const sellers = everybody.filter(({ kinds }) => kinds.includes("seller"));
  const buyers = everybody.filter(({ kinds }) => kinds.includes("buyer"));
  const properties = Array.from({ length: propertyCount }, (_, i) => property(i, sellers));
  const shown = properties.filter(({ status }) => status === "在售");
  const clientHead = [
    "Ref",
    "Name",
    "Kind",
    "Mobile",
    "E-mail",
    "ID number",
    "Source",
    "Budget (10k CNY)",
    "Looks in",
    "May call",
    "Agent",
  ];
  const offerHead = ["Ref", "Property", "Buyer", "Amount", "Status", "Made", "Valid until", "Agent"];
  const viewingHead = ["Property", "Visitor", "Time", "Minutes", "Outcome", "Interest", "Agent"];
  return {
    "positions.csv": csv(["Position", "Reports to"], positions),
    "people.csv": csv(["Name", "E-mail", "Role", "Position", "Language"], people),
    "areas.ndjson": areas
      .map(({ code, name, city, district }) => `${JSON.stringify({ code, name, city, district })}\n`)
      .join(""),
    "clients.csv": csv(
      clientHead,
      everybody.map(({ row }) => row),
    ),
    "properties.csv": csv(
      propertyHead,
      properties.map(({ row }) => row),
    ),
    "viewings.csv": csv(viewingHead, viewings(shown, buyers)),
    "offers.csv": csv(offerHead, offers(shown, buyers)),
  };
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(seedFiles())) writeFileSync(join(import.meta.dirname, name), text);
}
