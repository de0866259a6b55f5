/** Heard by every node: the payload's tenant has new metadata. */
export const metaChannel = "guanxi_meta";
/** Heard by every node: the payload's tenant was deleted. Another one of the same id has nothing in common with it. */
export const goneChannel = "guanxi_gone";
/** Heard by every node: the payload's tenant was made or restored. */
export const arrivedChannel = "guanxi_arrived";
/** Heard by every node: the payload's tenant has changed users, roles, positions or keys. */
export const accessChannel = "guanxi_access";
