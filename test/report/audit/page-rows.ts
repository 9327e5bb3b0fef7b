// Reads the audit sections of a page back, as the browser does.
import { gunzipSync } from "node:zlib";
import type { AuditSet } from "../../../src/report/audit/audit-set.js";

export function pageSets(page: string): AuditSet[] {
  return [...page.matchAll(/<script type="text\/plain" class="audit-rows">([A-Za-z0-9+/=]*)<\/script>/g)].map(
    ([, content = ""]) => JSON.parse(gunzipSync(Buffer.from(content, "base64")).toString("utf8")),
  );
}
