import { objectRights, type RoleGrant, systemRights } from "@guanxi/access";
import { type FieldDefinition, fileObject, type ObjectDefinition } from "@guanxi/meta";

const titled = (en: string, cn: string, tw: string) => ({ title: en, titles: { "zh-CN": cn, "zh-TW": tw } });
const reference = (
  target: string,
  onDelete: "restrict" | "setNull" | "cascade",
  relation: string,
  rest: object,
): FieldDefinition => ({
  fieldType: "reference",
  target,
  onDelete,
  relation,
  ...rest,
});

/** The objects every tenant has: people, the org chart and what they may do. */
export const coreObjects: readonly ObjectDefinition[] = [
  {
    name: "user",
    plural: "users",
    ...titled("User", "用户", "使用者"),
    type: "object",
    required: ["name", "email"],
    nameField: "name",
    sharing: "read",
    history: true,
    properties: {
      name: { type: "string", maxLength: 120, ...titled("Name", "姓名", "姓名") },
      email: { type: "string", format: "email", unique: true, ...titled("E-mail", "邮箱", "電子郵件") },
      phone: { fieldType: "phone", ...titled("Phone", "电话", "電話") },
      active: { type: "boolean", default: true, ...titled("Active", "启用", "啟用") },
      locale: { enum: ["en", "zh-CN", "zh-TW"], ...titled("Language", "语言", "語言") },
      external_id: {
        type: "string",
        maxLength: 120,
        unique: true,
        externalId: true,
        ...titled("External ID", "外部编号", "外部編號"),
      },
    },
  },
  {
    name: "department",
    plural: "departments",
    ...titled("Department", "部门", "部門"),
    type: "object",
    required: ["name"],
    nameField: "name",
    sharing: "read",
    properties: {
      name: { type: "string", maxLength: 120, ...titled("Name", "名称", "名稱") },
      parent: reference("department", "restrict", "children", titled("Belongs to", "上级部门", "上級部門")),
      external_id: {
        type: "string",
        maxLength: 120,
        unique: true,
        externalId: true,
        ...titled("External ID", "外部编号", "外部編號"),
      },
    },
  },
  {
    name: "position",
    plural: "positions",
    ...titled("Position", "岗位", "職位"),
    description: "A place in the org chart. Whoever holds one sees the records of those who hold the ones below it.",
    type: "object",
    required: ["name"],
    nameField: "name",
    sharing: "read",
    history: true,
    properties: {
      name: { type: "string", maxLength: 120, ...titled("Name", "名称", "名稱") },
      parent: reference("position", "restrict", "children", titled("Reports to", "上级岗位", "上級職位")),
      department: reference("department", "restrict", "positions", titled("Department", "部门", "部門")),
      external_id: {
        type: "string",
        maxLength: 120,
        unique: true,
        externalId: true,
        ...titled("External ID", "外部编号", "外部編號"),
      },
    },
  },
  {
    name: "user_position",
    plural: "user_positions",
    ...titled("Position held", "任职", "任職"),
    type: "object",
    required: ["assignee", "position"],
    sharing: "read",
    history: true,
    properties: {
      assignee: reference("user", "cascade", "positions", titled("User", "用户", "使用者")),
      position: reference("position", "cascade", "holders", titled("Position", "岗位", "職位")),
    },
    unique: [["assignee", "position"]],
  },
  {
    name: "role",
    plural: "roles",
    ...titled("Role", "角色", "角色"),
    description: "What its holders may do. Roles add up.",
    type: "object",
    required: ["name"],
    nameField: "name",
    sharing: "read",
    history: true,
    properties: {
      name: { type: "string", maxLength: 60, unique: true, ...titled("Name", "名称", "名稱") },
      description: { type: "string", maxLength: 500, ...titled("Description", "说明", "說明") },
      administrator: { type: "boolean", default: false, ...titled("Everything allowed", "全部权限", "全部權限") },
      rights: {
        type: "object",
        additionalProperties: { type: "array", items: { enum: [...objectRights] } },
        default: {},
        description: 'Object name → rights, such as {"lead": ["read", "edit"]}.',
        ...titled("Rights by object", "对象权限", "物件權限"),
      },
      default_rights: {
        type: "array",
        items: { enum: [...objectRights] },
        description: "For objects that `rights` does not name, those of the core excepted.",
        ...titled("Rights on other objects", "其他对象权限", "其他物件權限"),
      },
      system_rights: {
        type: "array",
        items: { enum: [...systemRights] },
        ...titled("System rights", "系统权限", "系統權限"),
      },
    },
  },
  {
    name: "user_role",
    plural: "user_roles",
    ...titled("Role held", "角色分配", "角色指派"),
    type: "object",
    required: ["assignee", "role"],
    sharing: "read",
    history: true,
    properties: {
      assignee: reference("user", "cascade", "roles", titled("User", "用户", "使用者")),
      role: reference("role", "cascade", "holders", titled("Role", "角色", "角色")),
    },
    unique: [["assignee", "role"]],
  },
  {
    name: "exchange_rate",
    plural: "exchange_rates",
    ...titled("Exchange rate", "汇率", "匯率"),
    description: "What one unit of a currency is worth in the tenant's own, from a day on until its next rate.",
    type: "object",
    required: ["currency", "rate", "valid_from"],
    nameField: "currency",
    sharing: "read",
    history: true,
    properties: {
      currency: { fieldType: "currency_code", ...titled("Currency", "币种", "幣別") },
      rate: { type: "number", exclusiveMinimum: 0, ...titled("Rate", "汇率", "匯率") },
      valid_from: { type: "string", format: "date", ...titled("Valid from", "生效日期", "生效日期") },
    },
    unique: [["currency", "valid_from"]],
  },
  {
    name: fileObject,
    plural: "files",
    ...titled("File", "文件", "檔案"),
    description: "A file that was uploaded. Whoever may read a record that names it may read it.",
    type: "object",
    required: ["name", "size", "content_type", "sha256"],
    nameField: "name",
    sharing: "private",
    history: true,
    properties: {
      name: {
        type: "string",
        minLength: 1,
        maxLength: 255,
        // What file systems take for parts of a path, or show as nothing.
        pattern: String.raw`^[^/\\\x00-\x1f\x7f]+$`,
        ...titled("Name", "名称", "名稱"),
      },
      // The defaults are those of an empty content; the upload knows its own.
      size: {
        type: "integer",
        minimum: 0,
        default: 0,
        readOnly: true,
        ...titled("Size in bytes", "大小（字节）", "大小（位元組）"),
      },
      content_type: {
        type: "string",
        maxLength: 255,
        default: "application/octet-stream",
        readOnly: true,
        ...titled("Content type", "类型", "類型"),
      },
      sha256: {
        type: "string",
        maxLength: 64,
        default: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        readOnly: true,
        ...titled("SHA-256", "SHA-256", "SHA-256"),
      },
    },
  },
];

/**
 * The edition of `coreObjects`, raised with every change of them, so that tenants made by older programs get it. A field that comes
 * with a level above 1 is named in `youngerFields`.
 */
export const coreLevel = 4;
export const youngerFields: Readonly<Record<string, number>> = {};

/** Objects whose records decide what actors may see and do. */
export const accessObjects: ReadonlySet<string> = new Set(["user", "position", "user_position", "role", "user_role"]);

/** Everyone sees who their colleagues are, which only administrators and `manage_users` change, and has files. */
export const memberGrant: RoleGrant = {
  all: false,
  rights: {
    ...Object.fromEntries(coreObjects.map((o) => [o.name, ["read"] as const])),
    [fileObject]: ["create", "read", "edit", "delete"],
  },
  defaultRights: [],
  systemRights: [],
};

/** No role's `default_rights` reach the core: who may create role assignments may do everything. */
export const coreUnnamed: RoleGrant["rights"] = Object.fromEntries(coreObjects.map((o) => [o.name, []]));

/** What `manage_users` adds. Handing out roles stays with administrators, or it would be a way to become one. */
export const userManagerGrant: RoleGrant = {
  all: false,
  rights: Object.fromEntries(
    ["user", "department", "position", "user_position"].map((o) => [
      o,
      ["create", "read", "edit", "delete", "edit_all"] as const,
    ]),
  ),
  defaultRights: [],
  systemRights: [],
};
