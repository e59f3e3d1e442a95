import { expect, test } from "vitest";
import { at, nd, noise, sumOver } from "../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../test/support/evaluate.ts";
import { createRandom } from "../core/random.ts";
import { gradients } from "../graph/gradients.ts";
import { batchDim } from "../graph/shape.ts";
import { constant, input } from "../graph/tensor.ts";
import { presets } from "../model/presets.ts";
import { cover, initMasked, maskedLoss } from "./masked.ts";
import { drawMask } from "./masked-feeds.ts";

// Two images of 2 × 3 cells of 4 × 4 pixels; patches of 2 × 2 pixels.
const [images, bands, height, width, side, cell] = [2, 3, 8, 12, 2, 4];
const [rows, columns] = [height / side, width / side];
const image = noise([images, bands, height, width], 3);
const masked = nd([images, rows, columns], ([b, row, column]) => ((b! + 2 * row! + 3 * column!) % 5 < 2 ? 1 : 0));
const ofCell = (cell / side) ** 2 * side ** 2 * bands;
const painted = noise([images, (height * width) / cell ** 2, ofCell], 5);
const inputs = {
  image: input("image", [batchDim(), bands, height, width]),
  masked: input("masked", [batchDim(), rows, columns]),
  painted: input("painted", [batchDim(), painted.shape[1]!, ofCell]),
};

/** What was painted of a pixel: cells row by row, in them patches, in them pixels, then bands. */
function paintedAt(b: number, band: number, y: number, x: number): number {
  const cells = Math.floor(y / cell) * (width / cell) + Math.floor(x / cell);
  const patch = Math.floor((y % cell) / side) * (cell / side) + Math.floor((x % cell) / side);
  const pixel = (y % side) * side + (x % side);
  return (b * painted.shape[1]! + cells) * ofCell + (patch * side ** 2 + pixel) * bands + band;
}

/** Pixels of a patch as [band, y, x]. */
const pixelsOf = (row: number, column: number) =>
  Array.from({ length: bands * side ** 2 }, (_, i) => {
    const pixel = Math.floor(i / bands);
    return [i % bands, row * side + Math.floor(pixel / side), column * side + (pixel % side)] as const;
  });

/** The loss and its gradient by what was painted, pixel by pixel in double precision. */
function byHand() {
  const gradient = new Array<number>(painted.data.length).fill(0);
  const count = sumOver(masked.data.length, (i) => masked.data[i]!);
  let loss = 0;
  for (let b = 0; b < images; b++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        if (at(masked, [b, row, column]) === 0) continue;
        const pixels = pixelsOf(row, column);
        const values = pixels.map(([band, y, x]) => at(image, [b, band, y, x]));
        const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
        const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
        for (const [i, [band, y, x]] of pixels.entries()) {
          const place = paintedAt(b, band, y, x);
          const error = painted.data[place]! - (values[i]! - mean) / Math.sqrt(variance + 1e-6);
          loss += error ** 2 / values.length / count;
          gradient[place] = (2 * error) / values.length / count;
        }
      }
    }
  }
  return { loss, gradient, count };
}

test("maskedLoss: is the squared error of masked patches at mean 0 and deviation 1, and nothing else moves", async () => {
  const { loss, count } = maskedLoss(inputs.painted, inputs.image, {
    masked: inputs.masked,
    grid: [height / cell, width / cell],
  });
  const [slope] = gradients([{ of: loss, value: constant([1], []) }], [inputs.painted]);
  const found = await evaluate({ loss, count, slope: slope! }, { image, masked, painted });
  const wanted = byHand();
  expect(found.count!.data[0]).toBe(wanted.count);
  expect(found.loss!.data[0]).toBeCloseTo(wanted.loss, 5);
  expectClose(found.slope!, { shape: painted.shape, data: wanted.gradient }, { rtol: 1e-4, atol: 1e-7 });
  expect(wanted.gradient.filter((v) => v === 0).length).toBeGreaterThan(painted.data.length / 3);
});

test("maskedLoss: without anything masked is 0, not 0/0", async () => {
  const { loss } = maskedLoss(inputs.painted, inputs.image, { masked: inputs.masked, grid: [2, 3] });
  const nothing = { ...masked, data: masked.data.map(() => 0) };
  expect((await evaluate({ loss }, { image, masked: nothing, painted })).loss!.data[0]).toBe(0);
});

test("cover: puts the token where the mask is, and leaves all else", async () => {
  const token = noise([bands, side, side], 9);
  const seen = cover(inputs.image, { masked: inputs.masked, token: input("token", token.shape) });
  const hidden = (b: number, y: number, x: number) =>
    at(masked, [b, Math.floor(y / side), Math.floor(x / side)]) === 1;
  const found = await evaluate({ seen }, { image, masked, token });
  expectClose(
    found.seen!,
    nd(image.shape, ([b, band, y, x]) =>
      hidden(b!, y!, x!) ? at(token, [band!, y! % side, x! % side]) : at(image, [b!, band!, y!, x!]),
    ),
  );
});

test("drawMask: masks the wanted part of the patches that are known, and another part with another seed", () => {
  const whole = Uint8Array.from({ length: 50 }, (_, i) => (i % 5 === 0 ? 0 : 1));
  const drawn = [1, 2].map((seed) => drawMask(whole, { ratio: 0.6 }, createRandom(seed, "mask")));
  for (const mask of drawn) {
    expect(sumOver(50, (i) => mask[i]!)).toBe(24);
    expect(Array.from(mask).every((value, i) => value === 0 || whole[i] === 1)).toBe(true);
  }
  expect(drawn[0]).not.toEqual(drawn[1]);
  expect(drawMask(whole, { ratio: 0.6 }, createRandom(1, "mask"))).toEqual(drawn[0]);
});

test("initMasked: patches that do not fill a cell are refused", () => {
  expect(() => initMasked(presets.tiny, { masking: { patch: 12, ratio: 0.6 } })).toThrow(
    "a cell has 32 pixels a side, which is no multiple of masking.patch, 12. Choose a divisor.",
  );
});
