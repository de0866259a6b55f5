import type { Kernel, Session } from "@guanxi/kernel";
import type { Snapshot } from "@guanxi/meta";

/** A tenant's newest metadata, for work that nobody's rights matter to: publishers may have left, their conditions still have to be understood. */
export async function newestSnapshot(kernel: Kernel, tenant: string): Promise<Snapshot> {
  const nobody: Session = {
    tenant: await kernel.tenants.get(tenant),
    actor: {
      user: "",
      record: {},
      name: "",
      email: null,
      locale: "en",
      rights: { all: false, object: () => new Set(), system: new Set() },
      roles: [],
      positions: [],
    },
    // Older than any, so that the kernel gives the newest.
    snapshot: { version: -1 } as Snapshot,
    connection: kernel.store,
    cause: { depth: 0 },
    now: new Date(),
    part: () => {
      throw new TypeError("this session knows no parts");
    },
  };
  return (await kernel.refresh(nobody)).snapshot;
}
