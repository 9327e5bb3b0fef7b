// The tiny chat model of test/fixtures/tiny-chat, for everything that only needs some model.
import { join } from "node:path";
import { silentReporter } from "../src/base/reporter.js";
import { openSession, type Session } from "../src/experiment/session.js";
import { fixturesFolder } from "./shared-folder.js";

export const tinyChat = join(fixturesFolder, "tiny-chat");

export function openTinyChat(): Promise<Session> {
  return openSession({
    model: tinyChat,
    device: "auto",
    weights: "native",
    compute: "f32",
    threads: 1,
    reporter: silentReporter,
  });
}
