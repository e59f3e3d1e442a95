import { expect, test } from "vitest";
import { at, nd, noise } from "../../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../../test/support/evaluate.ts";
import { erf as erfReference } from "../../../test/support/naive-swin.ts";
import { batchDim, broadcastShapes } from "../shape.ts";
import { input, scope, type Tensor } from "../tensor.ts";
import { add } from "./add.ts";
import { atLeast } from "./clip.ts";
import { div } from "./div.ts";
import { erf } from "./erf.ts";
import { exp } from "./exp.ts";
import { gelu } from "./gelu.ts";
import { max } from "./max.ts";
import { min } from "./min.ts";
import { mul } from "./mul.ts";
import { relu } from "./relu.ts";
import { sigmoid } from "./sigmoid.ts";
import { sqrt } from "./sqrt.ts";
import { sub } from "./sub.ts";

type Unary = [name: string, op: (x: Tensor) => Tensor, reference: (x: number) => number];
type Binary = [name: string, op: (a: Tensor, b: Tensor) => Tensor, reference: (a: number, b: number) => number];

const unary: Unary[] = [
  ["Erf", erf, erfReference],
  ["Exp", exp, Math.exp],
  ["Gelu", gelu, (x) => (x / 2) * (1 + erfReference(x / Math.SQRT2))],
  ["Relu", relu, (x) => Math.max(x, 0)],
  ["Sigmoid", sigmoid, (x) => 1 / (1 + Math.exp(-x))],
];

const binary: Binary[] = [
  ["Add", add, (a, b) => a + b],
  ["Div", div, (a, b) => a / b],
  ["Max", max, Math.max],
  ["Min", min, Math.min],
  ["Mul", mul, (a, b) => a * b],
  ["Sub", sub, (a, b) => a - b],
];

for (const opset of [17, 21] as const) {
  test.each(unary)(
    `%s at opset ${opset}: equals the formula, in the shape of its input`,
    async (_, op, reference) => {
      const x = noise([3, 5, 4]);
      x.data = x.data.map((v) => 4 * v);
      const { y } = await evaluate({ y: op(input("x", [batchDim(), 5, 4])) }, { x }, { opset });
      expectClose(y!, { shape: x.shape, data: x.data.map(reference) });
    },
  );
}

test("Clip: keeps what is at least the minimum, and raises the rest to it", async () => {
  const x = { shape: [4], data: [-1, 0, 1e-12, 2] };
  const { y } = await evaluate({ y: atLeast(input("x", [4]), 1e-12) }, { x });
  expectClose(y!, { shape: [4], data: x.data.map((v) => Math.max(v, 1e-12)) }, { rtol: 1e-6, atol: 0 });
});

test("Sqrt: equals the formula, and is 0 at 0", async () => {
  const x = { shape: [4], data: [0, 1e-12, 2, 1e6] };
  const { y } = await evaluate({ y: sqrt(input("x", [4])) }, { x });
  expectClose(y!, { shape: [4], data: x.data.map(Math.sqrt) });
});

test.each(binary)("%s: equals the formula for every way to broadcast", async (_, op, reference) => {
  const shapes: [number[], number[]][] = [
    [
      [3, 2, 4],
      [3, 2, 4],
    ],
    [[3, 2, 4], [4]],
    [[3, 2, 4], []],
    [
      [2, 4],
      [3, 1, 4],
    ],
    [
      [3, 1, 4],
      [1, 2, 1],
    ],
  ];
  for (const [left, right] of shapes) {
    const [a, b] = [noise(left, 1), noise(right, 2)];
    b.data = b.data.map((v) => v + Math.sign(v)); // no division by almost nothing
    const { y } = await evaluate({ y: op(input("a", left), input("b", right)) }, { a, b });
    const shape = broadcastShapes(left, right) as number[];
    expectClose(
      y!,
      nd(shape, (i) => reference(at(a, i), at(b, i))),
    );
  }
});

test.each(binary)("%s: a symbolic batch broadcasts against 1 and against itself", async (_, op, reference) => {
  const [a, b] = [noise([3, 4], 1), noise([1, 4], 2)];
  b.data = b.data.map((v) => v + Math.sign(v));
  const x = input("a", [batchDim(), 4]);
  const { y, z } = await evaluate({ y: op(x, input("b", [1, 4])), z: op(x, x) }, { a, b });
  expectClose(
    y!,
    nd([3, 4], (i) => reference(at(a, i), at(b, i))),
  );
  expectClose(
    z!,
    nd([3, 4], (i) => reference(at(a, i), at(a, i))),
  );
});

test.each(binary)("%s: shapes that do not broadcast name operator, module and both shapes", (name, op) => {
  const build = () =>
    scope("stages.0", () => scope("attn", () => op(input("a", [batchDim(), 2, 3]), input("b", [4, 3]))));
  expect(build).toThrow(`${name} "stages.0.attn": [batch,2,3], [4,3]: the shapes do not broadcast`);
});

test.each(binary)("%s: different types are refused", (_, op) => {
  const build = () => op(input("a", [2]), input("b", [2], "int64"));
  expect(build).toThrow("the types float32 and int64 differ");
});
