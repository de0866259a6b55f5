export { authorize, grantWrite, knows } from "./authorize.ts";
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
