import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { blockCache } from "./block-cache.ts";
import { decompress } from "./decompress.node.ts";
import { type Decompress, openTiff } from "./open-tiff.ts";
import { memorySource } from "./source.ts";

const fixtures = new URL("../../../fixtures/raster/", import.meta.url).pathname;

function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${fixtures}${name}/input.tif`));
}

const open = (bytes: Uint8Array, undo: Decompress = decompress, cacheBytes = 2 ** 24) =>
  openTiff(memorySource("scene.tif", bytes), { decompress: undo, cache: blockCache(cacheBytes), parallel: 4 });

/** Set the value (or offset) and count of a tag in the first directory of a little-endian classic TIFF. */
function edit(bytes: Uint8Array, tag: number, { value, count }: { value?: number; count?: number }): Uint8Array {
  const out = bytes.slice();
  const view = new DataView(out.buffer);
  const at = view.getUint32(4, true);
  for (let i = 0; i < view.getUint16(at, true); i++) {
    const entry = at + 2 + i * 12;
    if (view.getUint16(entry, true) !== tag) continue;
    if (count !== undefined) view.setUint32(entry + 4, count, true);
    if (value !== undefined) view.setUint32(entry + 8, value, true);
    if (view.getUint32(entry + 4, true) === 1) view.setUint16(entry + 2, 4, true); // a long holds any value
    return out;
  }
  throw new Error(`no tag ${tag}`);
}

test("openTiff: overlapping windows decode each block once while the cache holds them", async () => {
  let decoded = 0;
  const counting: Decompress = (...args) => {
    decoded++;
    return decompress(...args);
  };
  const raster = await open(fixture("cog-overviews"), counting);
  const { width, height } = raster.grid;
  const reads = [];
  for (let row = 0; row + 100 <= height; row += 50) {
    for (let col = 0; col + 100 <= width; col += 50) reads.push(raster.read({ window: [col, row, 100, 100] }));
  }
  await Promise.all(reads);
  expect(decoded).toBe(Math.ceil(350 / 128) * Math.ceil(250 / 128));
});

test("openTiff: a cache that is too small costs decoding, never values", async () => {
  const bytes = fixture("cog-overviews");
  const [small, large] = [await open(bytes, decompress, 1), await open(bytes)];
  const [a, b] = [await small.read(), await large.read()];
  expect(Buffer.compare(a.data as Uint8Array, b.data as Uint8Array)).toBe(0);
});

test("openTiff: directories that run in a circle are refused", async () => {
  const bytes = fixture("tiff-uint8-none");
  const view = new DataView(bytes.buffer);
  const at = view.getUint32(4, true);
  view.setUint32(at + 2 + view.getUint16(at, true) * 12, at, true);
  await expect(open(bytes)).rejects.toThrow("the image directories run in a circle (scene.tif).");
});

test("openTiff: a header that asks for gigabytes is refused before anything is allocated", async () => {
  const strips = fixture("tiff-uint8-deflate-strips");
  const tiles = fixture("tiff-uint8-deflate-predictor");
  const before = process.memoryUsage().rss;
  const lies: [Uint8Array, RegExp][] = [
    [edit(strips, 273, { count: 0xffffffff }), /claims 4294967295 values where at most/],
    [edit(tiles, 324, { count: 60000, value: 64 }), /the file has \d+ bytes, but its directory points to/],
    [edit(edit(tiles, 256, { value: 2 ** 30 }), 257, { value: 2 ** 30 }), /the file lists 6 of its \d+ blocks/],
    [edit(tiles, 256, { value: 0 }), /an image of 0 × 30 pixels/],
    [edit(edit(tiles, 322, { value: 60000 }), 323, { value: 60000 }), /one block of the file holds \d+ MiB/],
    [edit(edit(tiles, 322, { value: 8192 }), 323, { value: 8192 }), /a block has \d+ bytes, too few for/],
    [edit(tiles, 277, { value: 60000 }), /one block|too few|bands with different/],
    [edit(strips, 279, { value: 2 ** 31 }), /the file has \d+ bytes, but its directory points to/],
  ];
  for (const [bytes, message] of lies) {
    const outcome = open(bytes).then((raster) => raster.read({ window: [0, 0, 1, 1] }));
    await expect(outcome).rejects.toThrow(message);
    await expect(outcome).rejects.toMatchObject({ name: "SkySenseError" });
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 28);
});

test("openTiff: a deflate bomb in a block stops at the block's size", async () => {
  const { deflateSync } = await import("node:zlib");
  const bytes = fixture("tiff-uint8-deflate-strips");
  const bomb = deflateSync(Buffer.alloc(2 ** 24));
  const file = new Uint8Array(bytes.length + bomb.length);
  file.set(bytes);
  file.set(bomb, bytes.length);
  const view = new DataView(file.buffer);
  const raster = await open(file);
  await raster.close();
  // The first strip now is the bomb.
  const at = view.getUint32(4, true);
  for (let i = 0; i < view.getUint16(at, true); i++) {
    const entry = at + 2 + i * 12;
    const tag = view.getUint16(entry, true);
    if (tag === 273) view.setUint32(view.getUint32(entry + 8, true), bytes.length, true);
    if (tag === 279 && view.getUint16(entry + 2, true) === 4)
      view.setUint32(view.getUint32(entry + 8, true), bomb.length, true);
    if (tag === 279 && view.getUint16(entry + 2, true) === 3)
      view.setUint16(view.getUint32(entry + 8, true), 65535, true);
  }
  await expect((await open(file)).read()).rejects.toThrow(/damaged|bytes, but its directory/);
});
