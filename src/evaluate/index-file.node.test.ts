import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { indexFile } from "./index-file.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-index-"));
afterAll(() => rmSync(folder, { recursive: true }));
const index = indexFile(folder, '{"items": [1]}');
const where = join(folder, "index.json");

test("indexFile: there may be none; one that is no JSON or has another shape is refused with an example", async () => {
  expect(await index.read()).toBeUndefined();
  writeFileSync(where, "{");
  await expect(index.read()).rejects.toThrow(
    /^the file is not valid: it is no JSON: .*index\.json\)\. An example: \{/,
  );
  writeFileSync(where, '{"items": ["a"]}');
  const schema = z.object({ items: z.array(z.number()) });
  const json = await index.read();
  expect(() => index.check(json, schema)).toThrow(/^the file is not valid: items\.0: .*number/);
  rmSync(where);
  mkdirSync(where);
  await expect(index.read()).rejects.toThrow("this is a folder, not a file");
});

test("indexFile: what it names lies in its folder", () => {
  expect(index.inside("a/..b.png")).toBe(join(folder, "a/..b.png"));
  expect(index.inside("..b.png")).toBe(join(folder, "..b.png"));
  for (const file of ["../a.png", "a/../../b.png"])
    expect(() => index.inside(file)).toThrow("lies outside the folder");
});
