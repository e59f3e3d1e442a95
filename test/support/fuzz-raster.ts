import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SkySenseError } from "../../src/core/error.ts";
import { createRandom } from "../../src/core/random.ts";
import { openRaster } from "../../src/imagery/raster/open.node.ts";
import { memorySource } from "../../src/imagery/raster/source.ts";
import { tiffImage } from "../../src/imagery/raster/tiff-image.ts";
import { readTiffStructure } from "../../src/imagery/raster/tiff-structure.ts";
import type { RasterWindow } from "../../src/imagery/raster.ts";

const fixtures = new URL("../../fixtures/raster/", import.meta.url).pathname;
/** Folder of the fixture, and whether its pixels are under a checksum. */
const kinds: readonly [name: string, checked: boolean][] = [
  ["tiff-uint8-deflate-predictor", true],
  ["tiff-described", true],
  ["tiff-float32-predictor3", true],
  ["tiff-uint16-lzw-predictor", false],
  ["tiff-int16-zstd", false],
  ["tiff-jpeg-ycbcr", false],
  ["tiff-uint8-none", false],
  ["tiff-uint32-bigtiff", true],
  ["tiff-internal-mask", true],
  ["png-rgb", true],
  ["jpeg-rgb", false],
  ["webp-lossless", false],
];
const limitMs = 30_000;

export interface FuzzCount {
  equal: number;
  refused: number;
  /** Well-formed with other values: damage to a value of a directory, or to pixels without a checksum. */
  other: number;
}

/**
 * Truncate and flip bits of valid rasters and read them.
 *
 * @returns How often each outcome came.
 * @throws An error that names seed and case, at the first outcome that must not be.
 */
export async function fuzzRasters(cases: number, seed: number): Promise<FuzzCount> {
  const folder = await mkdtemp(join(tmpdir(), "skysense-fuzz-"));
  const count: FuzzCount = { equal: 0, refused: 0, other: 0 };
  try {
    const files = await Promise.all(kinds.map(loadKind));
    for (let i = 0; i < cases; i++) {
      const random = createRandom(seed, i);
      const draw = (below: number): number => Math.floor(random.uniform() * below);
      const file = files[i % files.length]!;
      const bytes = Uint8Array.from(file.bytes);
      const truncate = draw(3) === 0;
      const flips: number[] = [];
      if (!truncate) for (let n = 1 + draw(3); n > 0; n--) flips.push(draw(bytes.length * 8));
      for (const bit of flips) bytes[bit >> 3]! ^= 1 << (bit & 7);
      const length = truncate ? draw(bytes.length) : bytes.length;
      const path = join(folder, `${i}${file.ending}`);
      await writeFile(path, bytes.subarray(0, length));
      const outcome = await Promise.race([
        read(path),
        new Promise<"hang">((resolve) => setTimeout(resolve, limitMs, "hang").unref()),
      ]);
      await rm(path);
      const what = `seed ${seed}, case ${i}, ${file.name}, ${truncate ? `cut to ${length} bytes` : `bits ${flips}`}`;
      if (outcome === "hang") throw new Error(`${what}: no answer in ${limitMs} ms`);
      if (outcome instanceof SkySenseError) {
        if (!outcome.message.includes(path) || outcome.remedy === undefined) {
          throw new Error(`${what}: an error without file or remedy: ${outcome.message}`);
        }
        count.refused++;
      } else if (outcome instanceof Error) {
        throw new Error(`${what}: ${outcome.stack}`);
      } else if (same(outcome, file.window)) {
        count.equal++;
      } else if (!truncate && (!file.checked || flips.some((bit) => !file.pixels(bit >> 3)))) {
        count.other++;
      } else {
        throw new Error(`${what}: other values, and no error`);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return count;
}

async function loadKind([name, checked]: readonly [string, boolean]) {
  const input = (await readdir(fixtures + name)).find((entry) => /^input\.(tif|png|jpg|webp)$/.test(entry))!;
  const path = `${fixtures}${name}/${input}`;
  const bytes = new Uint8Array(await readFile(path));
  const window = await read(path);
  if (window instanceof Error) throw window;
  let pixels = (_byte: number): boolean => true;
  if (input.endsWith(".tif")) {
    const tiff = await readTiffStructure(memorySource(path, bytes));
    const image = await tiffImage(path, tiff, tiff.directories[0]!);
    const blocks = await image.blocks();
    pixels = (byte) => blocks.some(({ offset, length }) => byte >= offset && byte < offset + length);
  }
  return { name, checked, bytes, window, pixels, ending: input.slice(input.lastIndexOf(".")) };
}

/** At most 64 × 64 pixels of 4 bands: damage may make a small image a large one. */
async function read(path: string): Promise<RasterWindow | Error> {
  try {
    const raster = await openRaster(path, { cacheBytes: 2 ** 24 });
    try {
      const { width, height } = raster.grid;
      const bands = raster.bands.slice(0, 4).map((_, band) => band);
      await raster.readMask?.({ window: [0, 0, Math.min(64, width), Math.min(64, height)], bands });
      return await raster.read({ window: [0, 0, Math.min(64, width), Math.min(64, height)], bands });
    } finally {
      await raster.close();
    }
  } catch (error) {
    return error as Error;
  }
}

function same(a: RasterWindow, b: RasterWindow): boolean {
  return (
    a.data.constructor === b.data.constructor &&
    a.shape.join() === b.shape.join() &&
    Buffer.compare(view(a), view(b)) === 0
  );
}

function view({ data }: RasterWindow): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
