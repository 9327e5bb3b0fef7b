// sdft pull [MODEL]: brings a model onto this machine.
import { defineCommand } from "../define-command.js";

export const pullCommand = defineCommand({
  command: "pull [name]",
  describe: "fetch a model: an alias or a hub id",
  positionals: { name: { describe: "alias or hub id; the default model where left out" } },
  options: {},
  run: async (args, { terminal }) => {
    const { DEFAULT_MODEL } = await import("../../models/aliases.js");
    const { openPackage } = await import("../../experiment/session.js");
    const model = await openPackage(args.positionals.text("name") ?? args.model ?? DEFAULT_MODEL, terminal);
    const { name, path, fingerprint } = model;
    terminal.result({ name, path, fingerprint, architecture: model.spec.architecture }, `${name} is at ${path}.`);
  },
});
