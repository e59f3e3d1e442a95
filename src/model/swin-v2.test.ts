import fc from "fast-check";
import { expect, test } from "vitest";
import { type NdArray, noise, relativeL2 } from "../../test/support/arrays.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { naiveSwin } from "../../test/support/naive-swin.ts";
import { batchDim } from "../graph/shape.ts";
import { input } from "../graph/tensor.ts";
import { bindParameters, listParameters } from "./parameters.ts";
import { presets } from "./presets.ts";
import { initSwin, type SwinConfig, type SwinParams, swin } from "./swin-v2.ts";

const small: SwinConfig = {
  ...presets.tiny.hr,
  padSmallMaps: true,
  bands: 1,
  patch: 1,
  width: 4,
  depths: [2, 3],
  heads: [2, 1],
  outputs: [0, 1],
  window: 3,
};

/** Norms around one, small scales of the logits, everything else between ±½: nothing is zero, nothing explodes. */
function someWeights(config: SwinConfig): Record<string, NdArray> {
  return Object.fromEntries(
    listParameters(initSwin(config)).map(([name, { shape }], i) => {
      const values = noise(shape, i + 1);
      const gain = /norm\d?\.weight/.test(name);
      return [
        name,
        { shape, data: values.data.map((v) => (gain ? 1 + v / 4 : name.endsWith("scale") ? 1 + v : v / 2)) },
      ];
    }),
  );
}

async function encode(config: SwinConfig, image: NdArray, weights: Record<string, NdArray>) {
  const x = input("image", [batchDim(), ...image.shape.slice(1)]);
  const maps = swin(bindParameters(initSwin(config)) as SwinParams, x, config);
  return evaluate(Object.fromEntries([...maps].map(([stage, map]) => [`${stage}`, map.x])), { image, ...weights });
}

test("swin: keeping tokens in the order of the windows changes nothing, whatever the size of map and window", async () => {
  const cases = fc
    .record({
      height: fc.integer({ min: 2, max: 13 }),
      width: fc.integer({ min: 2, max: 13 }),
      window: fc.integer({ min: 2, max: 4 }),
      pad: fc.boolean(),
    })
    // Without padding the second stage's map, half as large, must hold a window.
    .map((c) => ({ ...c, pad: c.pad || Math.min(c.height, c.width) < 2 * c.window - 1 }));
  await fc.assert(
    fc.asyncProperty(cases, async ({ height, width, window, pad }) => {
      const config = { ...small, window, padSmallMaps: pad };
      const weights = someWeights(config);
      const image = noise([1, 1, height, width], height * 16 + width);
      const rows = Array.from({ length: height }, (_, r) => image.data.slice(r * width, (r + 1) * width));
      const actual = await encode(config, image, weights);
      for (const [stage, expected] of naiveSwin([rows], config, weights).entries()) {
        expect(relativeL2(actual[stage]!.data, expected.flat(2)), `stage ${stage}`).toBeLessThan(1e-5);
      }
    }),
    {
      numRuns: 12,
      // Not padded and shifted; not padded and too small to be shifted in the second stage; padded.
      examples: [
        [{ height: 8, width: 12, window: 4, pad: false }],
        [{ height: 6, width: 12, window: 3, pad: false }],
        [{ height: 7, width: 9, window: 4, pad: true }],
      ],
    },
  );
});

test("swin: images of a batch do not see each other", async () => {
  const weights = someWeights(small);
  const both = noise([2, 1, 6, 7]);
  const together = await encode(small, both, weights);
  const alone = await encode(small, { shape: [1, 1, 6, 7], data: both.data.slice(42) }, weights);
  for (const stage of ["0", "1"]) {
    const data = Array.from(together[stage]!.data);
    expect(relativeL2(alone[stage]!.data, data.slice(data.length / 2))).toBeLessThan(1e-5);
  }
});

test("swin: a map smaller than the window is refused, with the place and what to do", () => {
  const config = { ...small, window: 4, padSmallMaps: false };
  const build = () => swin(bindParameters(initSwin(config)) as SwinParams, input("image", [1, 1, 9, 5]), config);
  expect(build).toThrow(
    "the map is 5×3 and must not be smaller than the window of 4 (stages.1.blocks.0). " +
      "Use a larger image, a smaller window, or padSmallMaps (pad_small_map).",
  );
  expect(build).toThrow(expect.objectContaining({ code: "MAP_TOO_SMALL", name: "SkySenseError" }));
});
