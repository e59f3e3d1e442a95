import { expect, test } from "vitest";
import { type NdArray, noise, relativeL2 } from "../../test/support/arrays.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { batchDim } from "../graph/shape.ts";
import { input } from "../graph/tensor.ts";
import { initialise } from "./initialise.ts";
import { bindParameters, listParameters } from "./parameters.ts";
import { presets } from "./presets.ts";
import { initVit, type VitConfig, type VitParams, vit } from "./vit.ts";

const config: VitConfig = { ...presets.tiny.s2.encoder, bands: 5, image: [8, 8], outputs: [0, 1] };
const kernel = "patch_embed.projection.weight";

function weightsOf(c: VitConfig): Record<string, NdArray> {
  const tree = initVit(c);
  const shapes = new Map(listParameters(tree));
  return Object.fromEntries(
    [...initialise(tree, { seed: 1 })].map(([name, data]) => [name, { shape: shapes.get(name)!.shape, data }]),
  );
}

function encode(c: VitConfig, image: NdArray, weights: Record<string, NdArray>, bands?: readonly number[]) {
  const x = input("image", [batchDim(), ...image.shape.slice(1)]);
  const maps = vit(bindParameters(initVit(c)) as VitParams, x, c, bands === undefined ? {} : { bands });
  return evaluate(Object.fromEntries([...maps].map(([i, map]) => [`${i}`, map.x])), { image, ...weights });
}

test("vit: some of the bands give what all give when the others' kernels are zero and theirs are scaled", async () => {
  const bands = [3, 0];
  const weights = weightsOf(config);
  const pixels = 8 * 8;
  const full = noise([2, 5, 8, 8]);
  // Band 3 first, then band 0.
  const some = {
    shape: [2, 2, 8, 8],
    data: [0, 1].flatMap((b) =>
      bands.flatMap((band) => full.data.slice((b * 5 + band) * pixels, (b * 5 + band + 1) * pixels)),
    ),
  };
  const { shape, data } = weights[kernel]!;
  const perBand = shape[2]! * shape[3]!;
  const scaled = Array.from(data, (w, i) => (bands.includes(Math.floor(i / perBand) % 5) ? (w * 5) / 2 : 0));
  const subset = await encode(config, some, weights, bands);
  const reference = await encode(config, full, { ...weights, [kernel]: { shape, data: scaled } });
  for (const layer of ["0", "1"]) {
    expect(relativeL2(subset[layer]!.data, reference[layer]!.data)).toBeLessThan(1e-6);
  }
});

test("vit: all bands in another order give what they give in order", async () => {
  const weights = weightsOf(config);
  const full = noise([1, 5, 8, 8]);
  const order = [4, 2, 0, 1, 3];
  const shuffled = { shape: full.shape, data: order.flatMap((band) => full.data.slice(band * 64, band * 64 + 64)) };
  const a = await encode(config, full, weights);
  const b = await encode(config, shuffled, weights, order);
  expect(relativeL2(b[1]!.data, a[1]!.data)).toBeLessThan(1e-6);
});

test("vit: images of a batch do not see each other", async () => {
  const weights = weightsOf(config);
  const both = noise([2, 5, 6, 10]);
  const second = { shape: [1, 5, 6, 10], data: both.data.slice(300) };
  const a = await encode(config, both, weights);
  const b = await encode(config, second, weights);
  const half = a[1]!.data.length / 2;
  expect(relativeL2(b[1]!.data, Array.from(a[1]!.data).slice(half))).toBeLessThan(1e-6);
  expect(a[1]!.shape).toEqual([2, 3 * 5, config.width]);
});
