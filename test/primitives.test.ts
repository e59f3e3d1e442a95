import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseSafetensors } from "../src/core/safetensors.ts";
import { adaptiveAvgPool } from "../src/graph/ops/adaptive-avg-pool.ts";
import { gelu } from "../src/graph/ops/gelu.ts";
import { layerNorm } from "../src/graph/ops/layer-norm.ts";
import { maxPool } from "../src/graph/ops/max-pool.ts";
import { mul } from "../src/graph/ops/mul.ts";
import { reshape } from "../src/graph/ops/reshape.ts";
import { type Interpolation, resize, resizeImage } from "../src/graph/ops/resize.ts";
import { transpose } from "../src/graph/ops/transpose.ts";
import { constant, input, scalar, type Tensor } from "../src/graph/tensor.ts";
import { patchEmbed, toImage } from "../src/model/patch-embed.ts";
import { upHead } from "../src/model/up-head.ts";
import type { NdArray } from "./support/arrays.ts";
import { evaluate, expectClose } from "./support/evaluate.ts";

const file = new URL("../fixtures/golden/primitives/io.safetensors", import.meta.url);
const golden = new Map<string, NdArray>();
for (const [name, { shape, data }] of parseSafetensors(readFileSync(file), { file: file.pathname }).tensors) {
  golden.set(name, { shape, data: data as Float32Array });
}
const names = (prefix: string) => [...golden.keys()].filter((name) => name.startsWith(prefix));
/** "bilinear.half.10x14" ends with the size. */
const sizeOf = (name: string) => name.split(".").at(-1)!.split("x").map(Number) as [number, number];

/** The official maps have channels first, ours last. */
const channelsLast = (image: Tensor) => transpose(image, [0, 2, 3, 1]);
const channelsFirst = (map: Tensor) => transpose(map, [0, 3, 1, 2]);

async function check(name: string, build: (x: Tensor) => Tensor, source = "input"): Promise<void> {
  const x = golden.get(source)!;
  const { y } = await evaluate({ y: build(input("x", x.shape)) }, { x });
  expectClose(y!, golden.get(name)!);
}

test.each([...names("bilinear."), ...names("bicubic.")])("resize: %s is PyTorch's", async (name) => {
  const [mode, corners] = name.split(".") as [Interpolation, string];
  const options = { mode, alignCorners: corners === "align" };
  await check(name, (x) => channelsFirst(resize(channelsLast(x), sizeOf(name), options)));
});

test.each(names("adaptive_avg."))("adaptiveAvgPool: %s is PyTorch's", async (name) => {
  const side = Number(name.split(".")[1]);
  await check(name, (x) => channelsFirst(adaptiveAvgPool(channelsLast(x), [side, side])));
});

test.each(names("nearest."))("resize: %s is PyTorch's", async (name) => {
  await check(name, (x) => resizeImage(x, sizeOf(name), { mode: "nearest" }));
});

test("maxPool: with a kernel of 1 and a stride of 2 is PyTorch's", () =>
  check("max_pool_k1_s2", (x) => maxPool(x, { kernel: 1, stride: 2 })));

test("gelu: of 2x is PyTorch's exact form", () => check("gelu", (x) => gelu(mul(x, scalar(2)))));

test("layerNorm: is PyTorch's", () =>
  check("layer_norm", (x) =>
    layerNorm(x, constant(new Float32Array(7).fill(1), [7]), constant(new Float32Array(7), [7]), { epsilon: 1e-5 }),
  ));

test("upHead: with an identity for its convolution is a pixel shuffle", async () => {
  const eye = constant(
    Float32Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 1 : 0)),
    [8, 8, 1, 1],
  );
  const p = { decoder: { 0: { weight: eye, bias: constant(new Float32Array(8), [8]) } } };
  await check(
    "pixel_shuffle.2",
    (x) => {
      const tokens = reshape(channelsLast(x), [1, 6, 8]);
      return toImage(upHead(p, { x: tokens, grid: [2, 3] }, { width: 8, outputWidth: 2, scale: 2 }));
    },
    "pixel_shuffle.input",
  );
});

test("patchEmbed: with an identity for its kernel is the official 2 × 2 unfold, with zeros at right and bottom", () =>
  check("unfold_2x2", (x) => {
    const eye = constant(
      Float32Array.from({ length: 64 }, (_, i) => (i % 9 === 0 ? 1 : 0)),
      [8, 2, 2, 2],
    );
    const projection = { weight: eye, bias: constant(new Float32Array(8), [8]) };
    const { x: patches, grid } = patchEmbed({ projection }, x, { patch: 2, epsilon: 1e-5 });
    expect(grid).toEqual([3, 4]);
    return transpose(patches, [0, 2, 1]);
  }));

test("the fixture holds nothing that is not checked here", () => {
  const checked =
    /^(input|nearest\.|bilinear\.|bicubic\.|adaptive_avg\.|max_pool_k1_s2|gelu|layer_norm|pixel_shuffle\.|unfold_2x2)/;
  expect([...golden.keys()].filter((name) => !checked.test(name))).toEqual([]);
});
