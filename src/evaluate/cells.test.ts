import { expect, test } from "vitest";
import type { ImageStack, Place } from "../core/place.ts";
import { featuresOfCells } from "./cell-features.ts";
import { cellLabels, cutCells, isSeen } from "./cells.ts";
import { imageStats } from "./image-stats.ts";

const sides = { hr: 4, s2: 1 };

function image(
  bands: string[],
  [height, width]: [number, number],
  mask?: (y: number, x: number) => boolean,
): ImageStack {
  const pixels = height * width;
  return {
    data: Float32Array.from({ length: bands.length * pixels }, (_, i) => i),
    shape: [1, bands.length, height, width],
    bands,
    ...(mask && {
      mask: Uint8Array.from({ length: pixels }, (_, i) => (mask(Math.floor(i / width), i % width) ? 1 : 0)),
    }),
  };
}

const place: Place = { hr: image(["R", "G", "B"], [8, 12]), s2: image(["B02"], [2, 3]) };

test("cellLabels: is the class of most pixels, and none where most have none; the edge may cut a cell", () => {
  const data = Uint8Array.of(0, 0, 1, 1, 1, 0, 2, 1, 255, 1, 255, 255, 255, 2, 255, 255, 3, 2, 2, 3);
  const found = cellLabels({ data, height: 4, width: 5 }, 2);
  expect([found.height, found.width]).toEqual([2, 3]);
  // 5 columns: rows are 0 0 1 1 1 · 0 2 1 255 1 · 255 255 255 2 255 · 255 3 2 2 3
  expect([...found.data]).toEqual([0, 1, 1, 255, 2, 3]);
});

test("cutCells: all sensors show the same ground; the margin is there and masked", () => {
  const cut = cutCells(place, { row: 1, column: 1, rows: 1, columns: 2 }, { sides });
  expect(cut.hr!.shape).toEqual([1, 3, 4, 8]);
  expect(cut.hr!.data[0]).toBe(4 * 12 + 4);
  expect(cut.s2!.shape).toEqual([1, 1, 1, 2]);
  expect([...cut.s2!.data]).toEqual([4, 5]);
  expect(cut.hr!.mask).toBeUndefined();

  const { hr } = cutCells(place, { row: 0, column: 1, rows: 1, columns: 1 }, { sides, margin: 1 });
  expect(hr!.shape).toEqual([1, 3, 5, 6]); // nothing is above the image
  expect(hr!.data[0]).toBe(3);
  const inner = Array.from({ length: 30 }, (_, i) => (i < 24 && i % 6 > 0 && i % 6 < 5 ? 1 : 0));
  expect([...hr!.mask!]).toEqual(inner);
});

test("cutCells: nodata stays nodata", () => {
  const masked = { hr: image(["R"], [8, 12], (y, x) => y < 4 && x > 5) };
  const { hr } = cutCells(masked, { row: 0, column: 1, rows: 1, columns: 1 }, { sides });
  expect([...hr!.mask!]).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]);
});

test("isSeen: every sensor shows at least half of the cell on some date", () => {
  const half = { hr: image(["R"], [8, 12], (_, x) => x > 5), s2: image(["B02"], [2, 3], (_, x) => x !== 2) };
  const seen = [0, 1, 2].map((column) => isSeen(half, { row: 0, column }, sides));
  expect(seen).toEqual([false, true, false]);
});

test("featuresOfCells: statistics of a cell are those of its own pixels", async () => {
  const [vector] = await featuresOfCells(imageStats, sides).extract({ s2: image(["B02"], [2, 3]) }, [4], {
    columns: 3,
  });
  expect([...vector!]).toEqual([4, 0, 4, 4]);
  const [first] = await featuresOfCells(imageStats, sides).extract({ hr: image(["R"], [8, 12]) }, [5], {
    columns: 3,
  });
  const pixels = [4, 5, 6, 7].flatMap((y) => [8, 9, 10, 11].map((x) => 12 * y + x));
  const mean = pixels.reduce((a, b) => a + b) / 16;
  const deviation = Math.sqrt(pixels.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 16);
  for (const [i, wanted] of [mean, deviation, pixels[0]!, pixels[15]!].entries()) {
    expect(first![i]).toBeCloseTo(wanted, 4);
  }
});
