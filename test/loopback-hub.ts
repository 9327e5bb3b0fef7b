// A stand-in for the Hugging Face hub on the loopback: repositories with a few files each, in memory.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export const COMMIT = "c".repeat(40);

/** `models/owner/name` or `datasets/owner/name` → path → content. */
export type HubContent = Readonly<Record<string, Readonly<Record<string, Uint8Array | string>>>>;

export interface LoopbackHub {
  readonly url: string;
  /** Requests so far, with the authorization each carried. */
  readonly requests: { readonly path: string; readonly authorization: string | undefined }[];
  close(): Promise<void>;
}

/** `cutAt`: bodies of files end after so many bytes, as when a connection breaks. */
export async function startLoopbackHub(content: HubContent, options: { cutAt?: number } = {}): Promise<LoopbackHub> {
  const requests: { path: string; authorization: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://hub").pathname);
    requests.push({ path, authorization: request.headers.authorization });
    const { status, headers, body } = reply(
      content,
      path,
      request.headers.range,
      options.cutAt ?? Number.POSITIVE_INFINITY,
    );
    response.writeHead(status, { ...headers, "content-length": body.length });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { url: `http://127.0.0.1:${port}`, requests, close };
}

interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Buffer;
}

function reply(content: HubContent, path: string, range: string | undefined, cutAt: number): Reply {
  const info = /^\/api\/(models|datasets)\/([^/]+\/[^/]+)\/(revision|tree)\//.exec(path);
  if (info !== null) return describeRepo(info[2] ?? "", content[`${info[1]}/${info[2]}`], info[3] ?? "");
  const file = /^\/(datasets\/)?([^/]+\/[^/]+)\/resolve\/[^/]+\/(.+)$/.exec(path);
  const found = file === null ? undefined : content[`${file[1] ?? "models/"}${file[2]}`]?.[file[3] ?? ""];
  if (found === undefined) return json(404, { error: "Entry not found" });
  const bytes = Buffer.from(found);
  if (range === "bytes=0-0") {
    const headers = { etag: '"0"', "content-range": `bytes 0-0/${bytes.length}` };
    return { status: 206, headers, body: bytes.subarray(0, 1) };
  }
  return { status: 200, headers: { etag: '"0"' }, body: bytes.subarray(0, cutAt) };
}

function describeRepo(name: string, files: HubContent[string] | undefined, what: string): Reply {
  if (files === undefined) return json(404, { error: "Repository not found" });
  if (what === "tree") {
    return json(
      200,
      Object.entries(files).map(([path, body]) => ({ type: "file", path, size: Buffer.from(body).length, oid: "0" })),
    );
  }
  const numbers = { downloads: 0, likes: 0, lastModified: "2024-01-01T00:00:00Z" };
  return json(200, { _id: "1", id: name, sha: COMMIT, private: false, gated: false, ...numbers });
}

function json(status: number, value: unknown): Reply {
  return { status, headers: { "content-type": "application/json" }, body: Buffer.from(JSON.stringify(value)) };
}
