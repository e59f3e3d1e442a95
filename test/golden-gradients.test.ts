import { readdirSync, readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { parseSafetensors } from "../src/core/safetensors.ts";
import { toOnnx } from "../src/graph/onnx.ts";
import { gradientGraph } from "../src/train/module-gradients.ts";

const root = new URL("../fixtures/golden/", import.meta.url);
const classes = ["SwinTransformerV2", "VisionTransformer", "TransformerEncoder", "UPHead", "UPerHead"];

function read(path: string) {
  return parseSafetensors(readFileSync(new URL(path, root)), { file: path }).tensors;
}

for (const name of readdirSync(root).filter((entry) => entry.startsWith("grad_"))) {
  const config = JSON.parse(readFileSync(new URL(`${name}/config.json`, root), "utf8"));
  if (!classes.includes(config.class_)) continue;
  test(`${name}: loss and every gradient equal the official ones to a relative L2 error of 1e-4`, async () => {
    const file = read(`${name}/grads.safetensors`);
    const weights = read(`${name}/model.safetensors`);
    const shapes = new Map(
      [...file].map(([key, t]) => [key, { shape: t.shape, dtype: t.dtype === "I64" ? "int64" : "float32" } as const]),
    );
    const { outputs, fileNames } = gradientGraph(config, shapes);
    const graph = toOnnx(outputs);
    const session = await InferenceSession.create(graph.bytes);
    const feeds: Record<string, Tensor> = {};
    for (const v of [...graph.inputs, ...graph.parameters]) {
      const t = (file.get(fileNames.get(v.name) ?? v.name) ?? weights.get(v.name))!;
      feeds[v.name] = new Tensor(v.dtype as "float32", t.data as Float32Array, t.shape as number[]);
    }
    const got = await session.run(feeds);
    expect(Object.keys(got).sort()).toEqual([...file.keys()].filter((key) => !/^(input|target)\./.test(key)).sort());
    for (const [key, expected] of file) {
      if (key.startsWith("input.") || key.startsWith("target.")) continue;
      const actual = got[key];
      expect(actual, key).toBeDefined();
      expect(actual!.dims, key).toEqual(expected.shape);
      const [a, b] = [actual!.data as Float32Array, expected.data as Float32Array];
      const difference = Math.hypot(...a.map((v, i) => v - b[i]!));
      const size = Math.hypot(...b);
      // Mathematically zero: the key bias of softmax attention, and what has no influence.
      if (key.endsWith("in_proj_bias")) {
        const third = a.length / 3;
        for (const part of [0, 2]) {
          const slice = (x: Float32Array) => x.subarray(part * third, (part + 1) * third);
          const d = Math.hypot(...slice(a).map((v, i) => v - slice(b)[i]!));
          expect(d / Math.hypot(...slice(b)), key).toBeLessThan(1e-4);
        }
      } else if (size < 1e-12) expect(difference, key).toBeLessThan(1e-9);
      else expect(difference / size, key).toBeLessThan(1e-4);
    }
  });
}
