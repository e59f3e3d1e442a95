import { expect, test } from "vitest";
import { type NdArray, nd, noise, relativeL2 } from "../../test/support/arrays.ts";
import { checkGrad } from "../../test/support/check-grad.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { batchDim } from "../graph/shape.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import type { BufferUpdates } from "./conv-norm.ts";
import { initialise } from "./initialise.ts";
import { bindParameters, countParameters, listParameters, type ParameterTree } from "./parameters.ts";
import {
  type FcnHeadParams,
  fcnHead,
  initFcnHead,
  initUperHead,
  type UperHeadParams,
  uperHead,
} from "./segmentation-head.ts";
import { dropInputs } from "./training.ts";

const shared = { channels: 4, classes: 3, alignCorners: false, dropout: 0.1 };
const uperConfig = { ...shared, levels: [2, 3], poolScales: [1, 2] };
const fcnConfig = { ...shared, inputs: 2, convolutions: 1, kernel: 3, dilation: 1, concatInput: false };

function weightsOf(tree: ParameterTree): Record<string, NdArray> {
  const specs = new Map(listParameters(tree));
  return Object.fromEntries(
    [...initialise(tree, { seed: 1 })].map(([name, data]) => [name, { shape: specs.get(name)!.shape, data }]),
  );
}

const maps = () => [input("fine", [batchDim(), 2, 6, 5]), input("coarse", [batchDim(), 3, 3, 3])];
const images = { fine: noise([2, 2, 6, 5]), coarse: noise([2, 3, 3, 3], 2) };

test("uperHead: running statistics are buffers, neither counted nor trained", () => {
  const tree = initUperHead(uperConfig);
  const buffers = listParameters(tree).filter(([, { buffer }]) => buffer === true);
  expect(buffers.every(([name]) => /\.bn\.running_(mean|var)$/.test(name))).toBe(true);
  // Six convolutions with norms: two of the pyramid's scales, bottleneck, lateral, top-down, fusion.
  expect(buffers.length).toBe(12);
  expect(countParameters(tree)).toBe(
    2 * (3 * 4 + 8) + (11 * 4 * 9 + 8) + (2 * 4 + 8) + (4 * 4 * 9 + 8) + (8 * 4 * 9 + 8) + 15,
  );
});

test("uperHead: in training the batch's statistics come out under the buffers' names, for any batch size", async () => {
  const tree = initUperHead(uperConfig);
  const updates: BufferUpdates = new Map();
  const logits = uperHead(bindParameters(tree, "decode_head") as UperHeadParams, maps(), uperConfig, { updates });
  expect([...updates.keys()].sort()).toEqual(
    listParameters(tree, "decode_head")
      .flatMap(([name, { buffer }]) => (buffer === true ? [name] : []))
      .sort(),
  );
  const weights = Object.fromEntries(Object.entries(weightsOf(tree)).map(([name, w]) => [`decode_head.${name}`, w]));
  const after = Object.fromEntries([...updates].map(([name, value]) => [`after.${name}`, value]));
  const results = await evaluate({ logits, ...after }, { ...images, ...weights });
  expect(results.logits!.shape).toEqual([2, 3, 6, 5]);
});

test("fcnHead: dropped channels have no influence, and the mask is there in training only", async () => {
  const tree = initFcnHead(fcnConfig) as ParameterTree;
  const p = bindParameters(tree) as unknown as FcnHeadParams;
  const { drop, masks } = dropInputs();
  const [x] = maps();
  const head = (withDrop: boolean) => fcnHead(p, x!, fcnConfig, { updates: new Map(), ...(withDrop && { drop }) });
  const dropped = head(true);
  expect(masks).toEqual([{ name: "drop.dropout", shape: [batchDim(), 4], rate: 0.1 }]);
  const weights = weightsOf(tree);
  const mask = nd([2, 4], ([, c]) => (c === 1 ? 0 : 1));
  const without = {
    ...weights,
    "conv_seg.weight": nd([3, 4, 1, 1], ([o, c]) => (c === 1 ? 0 : weights["conv_seg.weight"]!.data[4 * o! + c!]!)),
  };
  const a = await evaluate({ y: dropped }, { fine: images.fine, "drop.dropout": mask, ...weights });
  const b = await evaluate({ y: head(false) }, { fine: images.fine, ...without });
  expect(relativeL2(a.y!.data, b.y!.data)).toBeLessThan(1e-6);
});

test("fcnHead: its gradient by the input agrees with central differences, by running and by batch statistics", async () => {
  const tree = initFcnHead(fcnConfig) as ParameterTree;
  const p = bindParameters(tree) as unknown as FcnHeadParams;
  const feeds = weightsOf(tree);
  // ReLU has a kink at 0, so the bias keeps values off it.
  const shifted = { ...feeds, "convs.0.bn.bias": nd([4], () => 4) };
  const build = (updates?: BufferUpdates) => (x: Tensor) => fcnHead(p, x, fcnConfig, updates && { updates });
  await checkGrad(build(), { shapes: [[2, 2, 4, 5]], feeds: shifted });
  await checkGrad(build(new Map()), { shapes: [[2, 2, 4, 5]], feeds: shifted });
});
