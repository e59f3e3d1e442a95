import { afterAll, expect, test } from "vitest";
import type { ImageStack } from "../core/place.ts";
import { createRandom } from "../core/random.ts";
import { normalise } from "../imagery/sensor/normalise.ts";
import { profiles } from "../imagery/sensor/profiles.ts";
import { createRuntime } from "../runtime/runtime.node.ts";
import { imageStats } from "./image-stats.ts";
import { randomFilters } from "./random-filters.ts";
import { resizeStack } from "./resize-stack.ts";

const runtime = createRuntime({ threads: 1 });
afterAll(() => runtime.release());

function stack(shape: ImageStack["shape"], { masked = [] as number[], seed = 1 } = {}): ImageStack {
  const random = createRandom(seed);
  const [t, c, h, w] = shape;
  const mask = new Uint8Array(t * h * w).fill(1);
  for (const pixel of masked) mask[pixel] = 0;
  return {
    data: Float32Array.from({ length: t * c * h * w }, () => 3000 * random.uniform()),
    shape,
    bands: ["B02", "B03", "B04", "B08"].slice(0, c),
    mask,
  };
}

test("imageStats: mean, standard deviation, minimum and maximum of each band, over valid pixels of all dates", async () => {
  const data = Float32Array.of(1, 2, 3, 900, 10, 10, 10, 900, 5, 6, 900, 900, 10, 10, 900, 900);
  const mask = Uint8Array.of(1, 1, 1, 0, 1, 1, 0, 0);
  const [vector] = await imageStats.extract([{ s2: { data, mask, shape: [2, 2, 2, 2], bands: ["B02", "B03"] } }]);
  const std = Math.sqrt((2.4 ** 2 + 1.4 ** 2 + 0.4 ** 2 + 1.6 ** 2 + 2.6 ** 2) / 5);
  expect([...vector!].map((v) => v.toFixed(5))).toEqual([3.4, std, 1, 6, 10, 0, 10, 10].map((v) => v.toFixed(5)));
});

test("imageStats: sensors follow one another", async () => {
  const s1: ImageStack = { data: Float32Array.of(-9, -20), shape: [1, 2, 1, 1], bands: ["VV", "VH"] };
  const [vector] = await imageStats.extract([{ s1, s2: stack([1, 4, 3, 3]) }]);
  expect(vector!.length).toBe(4 * 6);
  expect([...vector!.slice(16)]).toEqual([-9, 0, -9, -9, -20, 0, -20, -20]);
});

/** The definition, written down again: convolve, split by sign, average. */
function plainFeatures(image: ImageStack, seed: number): number[] {
  const [dates, bands, height, width] = image.shape;
  const random = createRandom(seed, "RCF", ["s2", ...image.bands].join(" "));
  const filters = Array.from({ length: 9 * bands }, () => Array.from({ length: 512 }, () => random.normal()));
  const values = normalise(image, profiles.s2, { masked: "keep" });
  const [positive, negative] = [new Array(512).fill(0), new Array(512).fill(0)];
  let count = 0;
  for (let t = 0; t < dates; t++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        if (image.mask![(t * height + y) * width + x] === 0) continue;
        count++;
        for (let f = 0; f < 512; f++) {
          let response = 0;
          for (let b = 0; b < bands; b++)
            for (let dy = -1; dy <= 1; dy++)
              for (let dx = -1; dx <= 1; dx++) {
                const row = Math.min(height - 1, Math.max(0, y + dy));
                const column = Math.min(width - 1, Math.max(0, x + dx));
                const weight = filters[b * 9 + (dy + 1) * 3 + dx + 1]![f]!;
                response += weight * values[((t * bands + b) * height + row) * width + column]!;
              }
          positive[f] += Math.max(0, response);
          negative[f] += Math.max(0, -response);
        }
      }
  return [...positive, ...negative].map((sum) => sum / count);
}

test("randomFilters: equal to convolution, rectification and mean written as loops", async () => {
  const image = stack([2, 4, 5, 7], { masked: [0, 8, 40] });
  const [vector] = await randomFilters(runtime, { seed: 3 }).extract([{ s2: image }]);
  const expected = plainFeatures(image, 3);
  expect(vector!.length).toBe(1024);
  for (const [i, value] of expected.entries()) expect(Math.abs(vector![i]! - value)).toBeLessThan(1e-4);
});

test("randomFilters: an image of many runs equals one of few, and seeds differ", async () => {
  // Four equal quarters beside one another: but for the edges the same responses.
  const small = stack([1, 1, 64, 64]);
  const two = { ...stack([2, 1, 64, 64]), data: Float32Array.of(...small.data, ...small.data) };
  const filters = randomFilters(runtime, { seed: 0 });
  const [a, b] = await filters.extract([{ s2: small }, { s2: two }]);
  for (const [i, value] of a!.entries()) expect(Math.abs(value - b![i]!)).toBeLessThan(1e-4);
  const [other] = await randomFilters(runtime, { seed: 1 }).extract([{ s2: small }]);
  expect(other).not.toEqual(a);
});

test("randomFilters: one pixel is enough", async () => {
  const [vector] = await randomFilters(runtime, { seed: 0 }).extract([{ s2: stack([3, 4, 1, 1]) }]);
  expect(vector!.every(Number.isFinite)).toBe(true);
});

test("resizeStack: the valid part fills the new size, and nodata inside stays nodata", () => {
  const [h, w] = [6, 8];
  // Valid are 4 rows and 4 columns; the rest is what a scene adds to whole cells.
  const outside = Array.from({ length: h * w }, (_, i) => i).filter((i) => i % w >= 4 || i >= 4 * w);
  const image = stack([1, 1, h, w], { masked: [...outside, 0, 1, w, w + 1] });
  const small = resizeStack("s2", image, 2);
  expect(small.shape).toEqual([1, 1, 2, 2]);
  expect([...small.mask!]).toEqual([0, 1, 1, 1]);
  const same = resizeStack("s2", stack([1, 2, 5, 5]), 5);
  expect(same.data).toEqual(stack([1, 2, 5, 5]).data);
});
