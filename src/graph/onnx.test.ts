import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { noise } from "../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../test/support/evaluate.ts";
import { graphToText } from "../../test/support/graph-text.ts";
import { toOnnx } from "./onnx.ts";
import { add } from "./ops/add.ts";
import { split } from "./ops/concat.ts";
import { gelu } from "./ops/gelu.ts";
import { gemm } from "./ops/gemm.ts";
import { mul } from "./ops/mul.ts";
import { norm } from "./ops/reduce.ts";
import { reshape } from "./ops/reshape.ts";
import { batchDim } from "./shape.ts";
import { constant, input, parameter, scalar, scope } from "./tensor.ts";

/** A little of everything: symbolic batch, parameters, operands, several outputs, an operator newer than opset 17. */
function smallGraph() {
  const x = input("x", [batchDim(), 4, 2]);
  const hidden = scope("ffn", () =>
    gelu(
      gemm(
        reshape(x, [{ symbol: "batch", times: 4 }, 2]),
        parameter("ffn.weight", [6, 2]),
        parameter("ffn.bias", [6]),
      ),
    ),
  );
  const [left, right] = split(hidden, [2, 4], { axis: 1 });
  return { left: left!, length: norm(mul(right!, scalar(3)), { axes: [1], keepDims: true }), again: left! };
}
const feeds = { x: noise([3, 4, 2]), "ffn.weight": noise([6, 2], 2), "ffn.bias": noise([6], 3) };

test("toOnnx: opset 17 and 21 give equal numbers", async () => {
  const old = await evaluate(smallGraph(), feeds, { opset: 17 });
  const recent = await evaluate(smallGraph(), feeds, { opset: 21 });
  for (const name of Object.keys(recent)) expectClose(old[name]!, recent[name]!);
});

test("toOnnx: the file at opset 21 is this", () => {
  expect(graphToText(toOnnx(smallGraph()).bytes)).toMatchInlineSnapshot(`
    "IR 10, opset 21
    input x: float32 [batch,4,2]
    input ffn.weight: float32 [6,2]
    input ffn.bias: float32 [6]
    ffn/Reshape.out = Reshape(x, [-1,2])
    ffn/Gemm.out = Gemm(ffn/Reshape.out, ffn.weight, ffn.bias) transB=1
    ffn/Gelu.out = Gelu(ffn/Gemm.out)
    Split.out, Split.out1 = Split(ffn/Gelu.out, [2,4]) axis=1
    Mul.out = Mul(Split.out1, 3)
    ReduceL2.out = ReduceL2(Mul.out, [1]) keepdims=1
    left = Identity(Split.out) # left
    length = Identity(ReduceL2.out) # length
    again = Identity(Split.out) # again
    output left: float32 [batch_x4,2]
    output length: float32 [batch_x4,1]
    output again: float32 [batch_x4,2]
    "
  `);
});

test("toOnnx: at opset 17 newer operators are spelt out", () => {
  const text = graphToText(toOnnx(smallGraph(), { opset: 17 }).bytes);
  expect(text).toMatchInlineSnapshot(`
    "IR 8, opset 17
    input x: float32 [batch,4,2]
    input ffn.weight: float32 [6,2]
    input ffn.bias: float32 [6]
    ffn/Reshape.out = Reshape(x, [-1,2])
    ffn/Gemm.out = Gemm(ffn/Reshape.out, ffn.weight, ffn.bias) transB=1
    ffn/Div.out = Div(ffn/Gemm.out, 1.41421)
    ffn/Erf.out = Erf(ffn/Div.out)
    ffn/Add.out = Add(ffn/Erf.out, 1)
    ffn/Mul.out = Mul(ffn/Gemm.out, ffn/Add.out)
    ffn/Mul_1.out = Mul(ffn/Mul.out, 0.5)
    Split.out, Split.out1 = Split(ffn/Mul_1.out, [2,4]) axis=1
    Mul.out = Mul(Split.out1, 3)
    Mul_1.out = Mul(Mul.out, Mul.out)
    ReduceSum.out = ReduceSum(Mul_1.out, [1]) keepdims=1
    Sqrt.out = Sqrt(ReduceSum.out)
    left = Identity(Split.out) # left
    length = Identity(Sqrt.out) # length
    again = Identity(Split.out) # again
    output left: float32 [batch_x4,2]
    output length: float32 [batch_x4,1]
    output again: float32 [batch_x4,2]
    "
  `);
  expect(text).not.toMatch(/Gelu|ReduceL2/);
});

test("toOnnx: says what is fed, what are weights and what comes out", () => {
  const { inputs, parameters, outputs } = toOnnx(smallGraph());
  expect(inputs).toEqual([{ name: "x", dtype: "float32", shape: ["batch", 4, 2] }]);
  expect(parameters.map(({ name, shape }) => [name, ...shape])).toEqual([
    ["ffn.weight", 6, 2],
    ["ffn.bias", 6],
  ]);
  expect(outputs.map(({ name, shape }) => [name, ...shape])).toEqual([
    ["left", "batch_x4", 2],
    ["length", "batch_x4", 1],
    ["again", "batch_x4", 2],
  ]);
});

test("toOnnx: what no output needs is not written", () => {
  const x = input("x", [2]);
  parameter("unused", [3]);
  add(x, input("also unused", [2]));
  expect(toOnnx({ y: add(x, x) }).inputs.map(({ name }) => name)).toEqual(["x"]);
});

test("toOnnx: every value has a name of its own, whatever the caller's names", () => {
  // These are the names that the writer would have chosen itself.
  const x = input("constant", [2]);
  const y = add(add(x, scalar(1)), add(x, constant([1, 2], [2])));
  const { bytes } = toOnnx({ "Add.out": y, Add: x, constant_1: y });
  const { graph } = fromBinary(ModelProtoSchema, bytes);
  const names = [
    ...graph!.input.map(({ name }) => name),
    ...graph!.initializer.map(({ name }) => name),
    ...graph!.node.flatMap(({ output }) => output),
  ];
  expect(new Set(names).size).toBe(names.length);
});

test("toOnnx: two values that the caller gave one name are refused", () => {
  const both = add(input("x", [2]), parameter("x", [2]));
  expect(() => toOnnx({ y: both })).toThrow('internal: two values of the graph are called "x"');
  const x = input("x", [2]);
  expect(() => toOnnx({ x: add(x, x) })).toThrow('internal: two values of the graph are called "x"');
});

test("toOnnx: weights may lie in a file beside the model", async () => {
  const folder = mkdtempSync(join(tmpdir(), "skysense-"));
  try {
    const weight = Float32Array.from(feeds["ffn.weight"].data);
    writeFileSync(join(folder, "weights.bin"), Buffer.concat([Buffer.alloc(64), Buffer.from(weight.buffer)]));
    const external = new Map([["ffn.weight", { location: "weights.bin", offset: 64, length: weight.byteLength }]]);
    const graph = toOnnx(smallGraph(), { external });
    expect(fromBinary(ModelProtoSchema, graph.bytes).graph!.input.map(({ name }) => name)).toEqual(["x", "ffn.bias"]);
    writeFileSync(join(folder, "model.onnx"), graph.bytes);
    const session = await InferenceSession.create(join(folder, "model.onnx"));
    const results = await session.run({
      x: new OrtTensor("float32", Float32Array.from(feeds.x.data), [3, 4, 2]),
      "ffn.bias": new OrtTensor("float32", Float32Array.from(feeds["ffn.bias"].data), [6]),
    });
    const expected = await evaluate(smallGraph(), feeds);
    expectClose({ shape: [12, 2], data: results.left!.data as Float32Array }, expected.left!);
    await session.release();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("toOnnx: an operator that the opset lacks and that has no older form is a bug of ours", () => {
  const x = input("x", [2]);
  const y = gelu(x);
  const { rule } = y.node as Extract<typeof y.node, { kind: "op" }>;
  const { decompose: _, ...poorer } = rule;
  const node = { ...y.node, rule: poorer } as typeof y.node;
  expect(() => toOnnx({ y: { ...y, node } }, { opset: 17 })).toThrow("internal: Gelu needs opset 20");
});
