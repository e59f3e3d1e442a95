import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeFolder, replaceFile, writeAtomic } from "./write-atomic.node.ts";

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "skysense-"));
});
afterAll(() => rm(dir, { recursive: true }));

test("writeAtomic: bytes, text and pieces arrive whole, in folders that did not exist", async () => {
  const path = join(dir, "deep/er/a.bin");
  await writeAtomic(path, new Uint8Array([1, 2, 3]));
  expect([...(await readFile(path))]).toEqual([1, 2, 3]);
  await writeAtomic(path, "é");
  expect([...(await readFile(path))]).toEqual([0xc3, 0xa9]);
  await writeAtomic(
    path,
    (async function* () {
      yield new Uint8Array([7]);
      yield new Uint8Array(100_000).fill(8);
    })(),
  );
  expect((await readFile(path)).length).toBe(100_001);
  expect(await readdir(join(dir, "deep/er"))).toEqual(["a.bin"]);
});

test("writeAtomic: a source that breaks off leaves the old file and nothing beside it", async () => {
  const path = join(dir, "broken/b.txt");
  await writeAtomic(path, "old");
  const broken = (function* () {
    yield new Uint8Array(10);
    throw new Error("source broke");
  })();
  await expect(writeAtomic(path, broken)).rejects.toThrow("source broke");
  expect(await readFile(path, "utf8")).toBe("old");
  expect(await readdir(join(dir, "broken"))).toEqual(["b.txt"]);
});

test("writeAtomic: an aborted signal leaves nothing", async () => {
  const path = join(dir, "aborted/c.txt");
  await expect(writeAtomic(path, "x", { signal: AbortSignal.abort() })).rejects.toThrow("aborted");
  expect(await readdir(join(dir, "aborted"))).toEqual([]);
});

test("writeAtomic: a file in the place of a folder is one sentence with file and remedy", async () => {
  await writeFile(join(dir, "file"), "");
  const path = join(dir, "file/under/d.txt");
  await expect(writeAtomic(path, "x")).rejects.toMatchObject({
    code: "NOT_WRITABLE",
    message: `a part of this path is a file, not a folder (${path}). Choose another folder.`,
  });
});

test("writeAtomic: a folder in the place of the file is refused and stays", async () => {
  const path = join(dir, "folder");
  await mkdir(path);
  await expect(writeAtomic(path, "x")).rejects.toMatchObject({ code: "NOT_WRITABLE" });
  expect(await readdir(path)).toEqual([]);
});

test.skipIf(!existsSync("/dev/full"))("writeAtomic: a full disk is named, with the remedy", async () => {
  const path = join(dir, "full/e.bin");
  const full = replaceFile(path, () => writeFile("/dev/full", "x"));
  await expect(full).rejects.toMatchObject({
    code: "DISK_FULL",
    message: `the disk is full (${path}). Free some space, or write to another disk.`,
  });
  expect(await readdir(join(dir, "full"))).toEqual([]);
});

test("makeFolder: makes what is missing, accepts what is there, and ends where nothing can be made", async () => {
  const path = join(dir, "one/two/three");
  await Promise.all([makeFolder(path), makeFolder(path)]);
  await makeFolder(path);
  expect(existsSync(path)).toBe(true);
  await writeFile(join(dir, "file"), "");
  await expect(makeFolder(join(dir, "file"))).rejects.toMatchObject({ code: "EEXIST" });
  await expect(makeFolder(join(dir, "file/below"))).rejects.toThrow();
  if (existsSync("/proc")) {
    await expect(makeFolder("/proc/nothing/here")).rejects.toMatchObject({ code: "NOT_WRITABLE" });
  }
});
