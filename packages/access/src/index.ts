export { authorize, grantWrite, knows, readable, requireRight, writable, type WriteGrant } from "./authorize.ts";
export {
  covers,
  objectRights,
  systemRights,
  sumRights,
  type ObjectRight,
  type Rights,
  type RoleGrant,
  type SystemRight,
} from "./rights.ts";
