import fc from "fast-check";
import { expect, test } from "vitest";
import { pixelToWorld } from "../core/grid.ts";
import { cutIntoTiles, leastSide, type Tile } from "./blocks.ts";
import { divideItems } from "./divide-items.ts";

const image = fc
  .record({
    image: fc.uuid(),
    left: fc.integer({ min: -3000, max: 3000 }),
    top: fc.integer({ min: -3000, max: 3000 }),
    gsd: fc.constantFrom(0.1, 0.5, 1, 10),
    width: fc.integer({ min: 1, max: 90 }),
    height: fc.integer({ min: 1, max: 90 }),
  })
  .map(({ image, left, top, gsd, width, height }) => ({
    image,
    grid: { crs: "EPSG:32633", transform: [gsd, 0, left, 0, -gsd, top] as const, width, height },
    split: undefined,
  }));
const images = fc.array(image, { minLength: 1, maxLength: 6 });
const cut = fc.record({ side: fc.constantFrom(40, 100, 333.3), tile: fc.integer({ min: 20, max: 120 }) });

/** Every pixel of a tile: where its centre lies in the world. */
function* centres({ image: { grid }, window: [left, top, width, height] }: Tile) {
  for (let row = top; row < top + height; row++) {
    for (let col = left; col < left + width; col++) yield pixelToWorld(grid.transform, [col + 0.5, row + 0.5]);
  }
}

test("cutIntoTiles: every pixel of a tile lies in the tile's block, and no pixel in two tiles", () => {
  fc.assert(
    fc.property(images, cut, (all, { side, tile }) => {
      const seen = new Set<string>();
      for (const one of cutIntoTiles(all, { block: [side, side], tile })) {
        expect(Math.max(one.window[2], one.window[3])).toBeLessThanOrEqual(tile);
        for (const [x, y] of centres(one)) {
          const block = `EPSG:32633 ${Math.floor(x / side)},${Math.floor(y / side)}`;
          if (block !== one.block) expect(one.block).toBe(block);
          const key = `${one.image.image} ${x} ${y}`;
          if (seen.has(key)) expect(key).toBe("once");
          seen.add(key);
        }
      }
    }),
    { numRuns: 15 },
  );
});

test("cutIntoTiles: only strips narrower than 32 pixels are left out", () => {
  fc.assert(
    fc.property(image, cut, (one, { side, tile }) => {
      const { width, height, transform } = one.grid;
      const tiles = cutIntoTiles([one], { block: [side, side], tile });
      const covered = tiles.reduce((sum, { window }) => sum + window[2] * window[3], 0);
      // Lengths of the strips, by counting the pixels of each block along an axis.
      const kept = (length: number, at: (i: number) => number) => {
        const counts = new Map<number, number>();
        for (let i = 0; i < length; i++) counts.set(at(i), (counts.get(at(i)) ?? 0) + 1);
        return [...counts.values()].filter((n) => n >= Math.min(leastSide, length)).reduce((a, b) => a + b, 0);
      };
      const across = kept(width, (i) => Math.floor((transform[2] + transform[0] * (i + 0.5)) / side));
      const down = kept(height, (i) => Math.floor((transform[5] + transform[4] * (i + 0.5)) / side));
      expect(covered).toBe(across * down);
    }),
    { numRuns: 20 },
  );
});

test("divideItems: no block is on both sides, whatever the share, and the same seed gives the same sides", () => {
  fc.assert(
    fc.property(
      images,
      cut,
      fc.double({ min: 0.05, max: 0.9, noNaN: true }),
      fc.nat(),
      (all, { side, tile }, valShare, seed) => {
        const items = cutIntoTiles(all, { block: [side, side], tile }).map((one) => ({ ...one, split: undefined }));
        const blocks = new Set(items.map(({ block }) => block));
        fc.pre(blocks.size >= 2);
        const set = { items, path: "" };
        const { train, val } = divideItems(set, { valShare, seed, key: "split" });
        expect(train.length + val.length).toBe(items.length);
        expect(Math.min(train.length, val.length)).toBeGreaterThan(0);
        const learnt = new Set(train.map(({ block }) => block));
        expect(val.filter(({ block }) => learnt.has(block))).toEqual([]);
        expect(divideItems(set, { valShare, seed, key: "split" }).val).toEqual(val);
      },
    ),
    { numRuns: 20 },
  );
});

test("divideItems: of blocks a fifth of the tiles is judged unless a share is given; a single block is refused", () => {
  const items = Array.from({ length: 100 }, (_, i) => ({ block: `${i >> 2}`, split: undefined }));
  expect(divideItems({ items, path: "" }, { seed: 1, key: "split" }).val.length).toBe(20);
  expect(() => divideItems({ items: items.slice(0, 4), path: "set" }, { seed: 1, key: "split" })).toThrow(
    "all tiles lie in one block, so nothing is left to judge (set). Give a smaller --block, more images, or folders train and val.",
  );
});

test("cutIntoTiles: images in folders train and val are cut without blocks; turned ones are refused", () => {
  const grid = { crs: "EPSG:32633", transform: [1, 0, 5, 0, -1, 5] as const, width: 100, height: 60 };
  const tiles = cutIntoTiles([{ image: "a", grid, split: "val" }], { block: [10, 10], tile: 50 });
  expect(tiles.map(({ window, block }) => [window.join(), block])).toEqual([
    ["0,0,50,30", undefined],
    ["50,0,50,30", undefined],
    ["0,30,50,30", undefined],
    ["50,30,50,30", undefined],
  ]);
  const turned = { ...grid, transform: [1, 0.1, 5, 0, -1, 5] as const };
  expect(() =>
    cutIntoTiles([{ image: "a.tif", grid: turned, split: undefined }], { block: [10, 10], tile: 9 }),
  ).toThrow(
    "the image is turned against the axes of its CRS, so it cannot be cut along blocks (a.tif). Turn it by gdalwarp IN OUT.",
  );
});
