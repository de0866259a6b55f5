// What both kinds of child processes begin with.

const { constants } = require("node:os");

/**
 * Loads isolated-vm, then gives up the rights of whoever started the process: not before, because the tree may be readable by root alone.
 * @param {string} file @param {{ uid: number, gid: number } | undefined} identity @returns {typeof import("isolated-vm")}
 */
function loadAddon(file, identity) {
  const module = { exports: /** @type {any} */ ({}) };
  process.dlopen(module, file, constants.dlopen.RTLD_NOW);
  if (identity !== undefined) {
    process.setgroups?.([]);
    process.setgid?.(identity.gid);
    process.setuid?.(identity.uid);
  }
  return module.exports.ivm;
}

/** The process group may get signals while the server drains; the parent decides when a child ends, and takes it along. */
function obeyParent() {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => {});
  // SIGKILL, because an ordinary exit waits for isolates that may never stop.
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
}

module.exports = { loadAddon, obeyParent };
