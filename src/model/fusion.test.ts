import { expect, test } from "vitest";
import { type NdArray, noise, relativeL2 } from "../../test/support/arrays.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { batchDim } from "../graph/shape.ts";
import { input } from "../graph/tensor.ts";
import { type FusionParams, fusion, initFusion } from "./fusion.ts";
import { initialise } from "./initialise.ts";
import { bindParameters, listParameters } from "./parameters.ts";
import { presets } from "./presets.ts";

const config = { ...presets.tiny.fusion, inputWidth: 12 };
const tree = initFusion(config);
const weights: Record<string, NdArray> = {};
for (const [name, data] of initialise(tree, { seed: 1 })) {
  const shape = new Map(listParameters(tree)).get(name)!.shape;
  weights[name] = { shape, data: data.every((v) => v === 0) ? noise(shape, 9).data : data };
}
const params = () => bindParameters(tree) as FusionParams;

test("fusion: a masked token has no influence, as if it were left out", async () => {
  const x = noise([3, 4, 12]);
  const kept = { shape: [3, 3, 12], data: x.data.filter((_, i) => Math.floor(i / 12) % 4 !== 2) };
  const mask = { shape: [3, 1, 1, 5], data: [0, 1, 2].flatMap(() => [0, 0, 0, -1e9, 0]) };
  const masked = fusion(params(), input("x", [batchDim(), 4, 12]), config, {
    keyMask: input("mask", [batchDim(), 1, 1, 5]),
    first: 1,
  });
  const without = fusion(params(), input("kept", [batchDim(), 3, 12]), config, { first: 1 });
  const a = await evaluate({ y: masked }, { x, mask, ...weights });
  const b = await evaluate({ y: without }, { kept, ...weights });
  expect(relativeL2(a.y!.data, b.y!.data)).toBeLessThan(1e-6);
});

test("fusion: a mask of zeros changes nothing", async () => {
  const x = input("x", [2, 4, 12]);
  const p = params();
  const keyMask = input("mask", [2, 1, 1, 5]);
  const { plain, masked } = await evaluate(
    { plain: fusion(p, x, config), masked: fusion(p, x, config, { keyMask }) },
    { x: noise([2, 4, 12]), mask: { shape: [2, 1, 1, 5], data: new Float32Array(10) }, ...weights },
  );
  expect(relativeL2(masked!.data, plain!.data)).toBeLessThan(1e-6);
});

test("fusion: the first tokens alone are those of all tokens", async () => {
  const x = input("x", [batchDim(), 4, 12]);
  const p = params();
  const outputs = {
    all: fusion(p, x, config),
    one: fusion(p, x, config, { first: 1 }),
    two: fusion(p, x, config, { first: 2 }),
  };
  const { all, one, two } = await evaluate(outputs, { x: noise([3, 4, 12]), ...weights });
  const size = 5 * config.width;
  const head = (count: number) => Array.from(all!.data).filter((_, i) => i % size < count * config.width);
  expect(one!.shape).toEqual([3, 1, config.width]);
  expect(relativeL2(one!.data, head(1))).toBeLessThan(1e-6);
  expect(relativeL2(two!.data, head(2))).toBeLessThan(1e-6);
});

test("fusion: the order of the tokens does not matter to the class token, but what they hold does", async () => {
  const x = noise([1, 4, 12]);
  const reversed = { shape: x.shape, data: [3, 2, 1, 0].flatMap((n) => x.data.slice(12 * n, 12 * n + 12)) };
  const build = () => ({ y: fusion(params(), input("x", [1, 4, 12]), config, { first: 1 }) });
  const a = await evaluate(build(), { x, ...weights });
  const b = await evaluate(build(), { x: reversed, ...weights });
  const c = await evaluate(build(), { x: noise([1, 4, 12], 2), ...weights });
  expect(relativeL2(b.y!.data, a.y!.data)).toBeLessThan(1e-6);
  expect(relativeL2(c.y!.data, a.y!.data)).toBeGreaterThan(1e-3);
});
