// sdft pull [MODEL]: brings a model onto this machine.
import { defineCommand } from "../define-command.js";

export const pullCommand = defineCommand({
  command: "pull [name]",
  describe: "fetch a model: an alias (also of an encoder) or a hub id",
  positionals: { name: { describe: "alias or hub id; the default model where left out" } },
  options: {},
  run: async (args, { terminal }) => {
    const { DEFAULT_MODEL } = await import("../../models/aliases.js");
    const { openEncoderPackage, openPackage } = await import("../../experiment/session.js");
    const { findEncoderAlias } = await import("../../models/encoder-aliases.js");
    const wanted = args.positionals.text("name") ?? args.model ?? DEFAULT_MODEL;
    const open = findEncoderAlias(wanted) === null ? openPackage : openEncoderPackage;
    const model = await open(wanted, terminal);
    const { name, path, fingerprint } = model;
    terminal.result({ name, path, fingerprint, architecture: model.spec.architecture }, `${name} is at ${path}.`);
  },
});
