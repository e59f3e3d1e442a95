import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openVectorStore } from "./vector-store.node.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "skysense-store-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const a = Float32Array.of(1, -2, 3.5);
const b = Float32Array.of(0, 7, 1e-30);

/** A store of two vectors, closed. */
async function filled(name: string): Promise<string> {
  const path = join(root, name, "x.vectors");
  const store = await openVectorStore(path);
  expect([store.dimensions(), store.get("a")]).toEqual([0, undefined]);
  await store.append([["a", a]], Number.NaN);
  await store.append([["b", b]], 0.25);
  await store.close();
  return path;
}

test("openVectorStore: vectors and times are there again", async () => {
  const store = await openVectorStore(await filled("again"));
  expect([store.dimensions(), store.get("a"), store.get("b"), store.get("c")]).toEqual([3, a, b, undefined]);
  expect(store.seconds(["a", "b"])).toBe(0.25);
  expect(store.seconds(["a"])).toBeNaN();
  await store.close();
});

test("openVectorStore: cut anywhere, what was written to its end remains and more can be added", async () => {
  const path = await filled("cut");
  const bytes = await readFile(path);
  for (let length = 0; length < bytes.length; length++) {
    await writeFile(path, bytes);
    await truncate(path, length);
    const store = await openVectorStore(path);
    const whole = length < 12 + 36 ? 0 : 1;
    expect([store.get("a") !== undefined, store.get("b") !== undefined]).toEqual([whole === 1, false]);
    await store.append([["c", b]], 1);
    await store.close();
    const again = await openVectorStore(path);
    expect([again.get("c"), again.get("a")]).toEqual([b, whole === 1 ? a : undefined]);
    await again.close();
  }
});

test("openVectorStore: a record that was damaged is dropped", async () => {
  const path = await filled("damaged");
  const bytes = await readFile(path);
  bytes[bytes.length - 10]! ^= 1;
  await writeFile(path, bytes);
  const store = await openVectorStore(path);
  expect([store.get("a"), store.get("b")]).toEqual([a, undefined]);
  await store.close();
});

test("openVectorStore: another file of that name is left alone", async () => {
  const path = join(root, "notes.txt");
  await appendFile(path, "what I wanted to remember");
  await expect(openVectorStore(path)).rejects.toThrow(`this is no file of vectors (${path}).`);
  expect(await readFile(path, "utf8")).toBe("what I wanted to remember");
  await expect(openVectorStore("package.json/x.vectors")).rejects.toMatchObject({ code: "NOT_WRITABLE" });
});
