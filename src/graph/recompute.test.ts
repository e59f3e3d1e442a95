import { expect, test } from "vitest";
import { noise } from "../../test/support/arrays.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { gradients } from "./gradients.ts";
import { toOnnx } from "./onnx.ts";
import { exp } from "./ops/exp.ts";
import { gelu } from "./ops/gelu.ts";
import { gemm } from "./ops/gemm.ts";
import { layerNorm } from "./ops/layer-norm.ts";
import { mul } from "./ops/mul.ts";
import { sigmoid } from "./ops/sigmoid.ts";
import { recompute } from "./recompute.ts";
import { batchDim } from "./shape.ts";
import { constant, input, parameter, type Tensor } from "./tensor.ts";
import { topologicalOrder } from "./walk.ts";

const bias = constant([0, 0, 0, 0], [4]);
const once = <T>(build: () => T) => build();

/** A residual block with a saved output (exp), statistics of a norm and two uses of its input. */
function block(x: Tensor, i: number): Tensor {
  const normal = layerNorm(x, parameter(`${i}.gain`, [4]), bias, { epsilon: 1e-5 });
  return mul(
    gelu(gemm(normal, parameter(`${i}.weight`, [4, 4]))),
    exp(mul(sigmoid(parameter(`${i}.scale`, [4])), x)),
  );
}

function build(wrap: <T>(f: () => T) => T) {
  let z = input("x", [batchDim(), 4]);
  for (let i = 0; i < 3; i++) {
    const before = z;
    z = wrap(() => block(before, i));
  }
  const leaves = topologicalOrder([z]).flatMap((node) =>
    node.kind === "parameter" || node.kind === "input"
      ? [{ name: node.name, of: { ...node.value, node, output: 0 } }]
      : [],
  );
  const found = gradients(
    [{ of: z, value: input("c", z.shape) }],
    leaves.map(({ of }) => of),
  );
  return { z, ...Object.fromEntries(leaves.map(({ name }, i) => [`d ${name}`, found[i]!])) };
}

const feeds = Object.fromEntries([
  ["x", noise([3, 4])],
  ["c", noise([3, 4], 2)],
  ...[0, 1, 2].flatMap((i) => [
    [`${i}.gain`, noise([4], 3 + i)],
    [`${i}.weight`, noise([4, 4], 6 + i)],
    [`${i}.scale`, noise([4], 9 + i)],
  ]),
]);

test("recompute: results and gradients are those without it, bit for bit", async () => {
  const plain = await evaluate(build(once), feeds);
  const again = await evaluate(build(recompute), feeds);
  expect(Object.keys(plain).length).toBe(11);
  expect(again).toEqual(plain);
});

test("recompute: nothing of a block's inside is kept, but for what depends on parameters alone", () => {
  const { z, ...found } = build(recompute);
  const forward = new Set(topologicalOrder([z]));
  const read = topologicalOrder(Object.values(found)).flatMap((node) =>
    node.kind === "op" && !forward.has(node) ? node.inputs.filter((t) => forward.has(t.node)) : [],
  );
  const kept = new Set(read.flatMap(({ node }) => (node.kind === "op" ? [node.rule.onnx[0]] : [])));
  // The results of the first two blocks (Mul), and the gate of the parameter.
  expect([...kept].sort()).toEqual(["Mul", "Sigmoid"]);
});

test("recompute: the forward graph alone is the same, byte for byte", () => {
  expect(toOnnx({ z: build(recompute).z }).bytes).toEqual(toOnnx({ z: build(once).z }).bytes);
});

test("recompute: inside another one is part of it", async () => {
  const nested = build((f) => recompute(() => recompute(f)));
  expect(await evaluate(nested, feeds)).toEqual(await evaluate(build(once), feeds));
});
