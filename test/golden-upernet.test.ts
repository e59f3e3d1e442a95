import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseSafetensors } from "../src/core/safetensors.ts";
import { toOnnx } from "../src/graph/onnx.ts";
import { gradientGraph } from "../src/train/module-gradients.ts";
import { type NdArray, relativeL2 } from "./support/arrays.ts";
import { run } from "./support/evaluate.ts";
import { tolerance } from "./support/tolerance.ts";

const folder = new URL("../fixtures/golden/upernet_tiny/", import.meta.url);
const config = JSON.parse(readFileSync(new URL("config.json", folder), "utf8"));

function read(name: string): Map<string, NdArray> {
  const { tensors } = parseSafetensors(readFileSync(new URL(name, folder)), { file: name });
  return new Map(
    [...tensors].map(([key, { shape, data }]) => [key, { shape, data: Array.from(data as Float32Array, Number) }]),
  );
}

test("upernet_tiny: the loss over both heads and its gradients are the official ones", async () => {
  const io = read("io.safetensors");
  const { outputs } = gradientGraph(
    config,
    new Map([
      ["input.image", { shape: io.get("image")!.shape, dtype: "float32" }],
      ["target.label", { shape: io.get("label")!.shape, dtype: "int64" }],
    ]),
  );
  const expected = [...io].filter(([name]) => name === "loss" || name.startsWith("grad."));
  const graph = toOnnx(Object.fromEntries(expected.map(([name]) => [name, outputs[name]!])));
  const weights = Object.fromEntries(read("model.safetensors"));
  const results = await run(graph, { ...weights, image: io.get("image")!, "target.label": io.get("label")! });
  expect(expected.length).toBe(11);
  for (const [name, { data }] of expected) {
    expect(relativeL2(results[name]!.data, data), name).toBeLessThan(tolerance.cosine);
  }
});
