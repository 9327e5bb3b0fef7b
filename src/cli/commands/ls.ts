// sdft ls: model aliases and tasks.
import { defineCommand } from "../define-command.js";

export const lsCommand = defineCommand({
  command: "ls",
  describe: "list model aliases (and which are here) and tasks",
  options: {},
  run: async (_args, { terminal }) => {
    const { access } = await import("node:fs/promises");
    const { aliasCachePath, cacheFolder, listAliases } = await import("../../models/aliases.js");
    const { encoderCachePath, listEncoderAliases } = await import("../../models/encoder-aliases.js");
    const { tasks } = await import("../../tasks/registry.js");
    const { join } = await import("node:path");
    const isHere = (path: string): Promise<boolean> =>
      access(path).then(
        () => true,
        () => false,
      );
    const models = [];
    for (const alias of listAliases()) {
      const path = aliasCachePath(alias);
      const here = await isHere(path);
      models.push({ name: alias.name, description: alias.description, bytes: alias.bytes, path: here ? path : null });
    }
    for (const alias of listEncoderAliases()) {
      const { name, description, files } = alias;
      const path = encoderCachePath(alias);
      const here = (await Promise.all(files.map(({ fileName }) => isHere(join(path, fileName))))).every(Boolean);
      const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
      models.push({ name, description, bytes, path: here ? path : null });
    }
    const taskRows = Object.values(tasks).map(({ name, title, train, test }) => ({
      name,
      title,
      train: train !== null,
      test: test !== null,
    }));
    const width = Math.max(...[...models, ...taskRows].map(({ name }) => name.length));
    const lines = [
      `Models (cache: ${cacheFolder()})`,
      ...models.map(
        ({ name, description, bytes, path }) =>
          `  ${name.padEnd(width)}  ${description}, ${Math.round(bytes / 1e6)} MB, ${path === null ? 'not here yet ("sdft pull")' : "here"}`,
      ),
      "Tasks",
      ...taskRows.map(
        ({ name, title, train, test }) =>
          `  ${name.padEnd(width)}  ${title} (${[train ? "train" : "", test ? "test" : ""].filter(Boolean).join(", ")})`,
      ),
    ];
    terminal.result({ cache: cacheFolder(), models, tasks: taskRows }, lines.join("\n"));
  },
});
