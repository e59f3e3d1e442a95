import { existsSync, readdirSync, readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { moduleGraph } from "../src/checkpoint/module-graph.ts";
import { parseSafetensors } from "../src/core/safetensors.ts";
import { toOnnx } from "../src/graph/onnx.ts";

const root = new URL("../fixtures/golden/", import.meta.url);
const classes = ["SwinTransformerV2", "VisionTransformer", "TransformerEncoder", "UPHead", "SkySense"];

function read(path: string) {
  return parseSafetensors(readFileSync(new URL(path, root)), { file: path }).tensors;
}

for (const name of readdirSync(root)) {
  const config = JSON.parse(readFileSync(new URL(`${name}/config.json`, root), "utf8"));
  // Cases of gradients and training name the same classes, and have other files.
  if (!classes.includes(config.class_) || !existsSync(new URL(`${name}/io.safetensors`, root))) continue;
  test(`${name}: every output and intermediate equals the official one`, async () => {
    const io = read(`${name}/io.safetensors`);
    const weights = read(`${name}/model.safetensors`);
    const inputs = new Map(
      [...io].map(([k, t]) => [k, { shape: t.shape, dtype: t.dtype === "I64" ? "int64" : "float32" } as const]),
    );
    const { outputs } = moduleGraph(config, inputs);
    const graph = toOnnx(outputs);
    const session = await InferenceSession.create(graph.bytes);
    const feeds: Record<string, Tensor> = {};
    for (const v of [...graph.inputs, ...graph.parameters]) {
      const t = (io.get(v.name) ?? weights.get(v.name))!;
      expect(t, v.name).toBeDefined();
      expect(t.shape).toEqual(v.shape);
      feeds[v.name] = new Tensor(v.dtype as "float32", t.data as Float32Array, t.shape as number[]);
    }
    const got = await session.run(feeds);
    let n = 0;
    for (const [key, expected] of io) {
      if (inputs.has(key) && feeds[key]) continue;
      if (key === "s2_ct") continue;
      const actual = got[key];
      expect(actual, key).toBeDefined();
      expect(actual!.dims).toEqual(expected.shape);
      const a = actual!.data as Float32Array;
      const b = expected.data as Float32Array;
      let e = 0;
      let s = 0;
      for (let i = 0; i < a.length; i++) {
        e += (a[i]! - b[i]!) ** 2;
        s += b[i]! ** 2;
      }
      n++;
      expect(Math.sqrt(e / s), key).toBeLessThan(
        config.class_ === "SwinTransformerV2" || config.class_ === "SkySense" ? 1e-4 : 1e-5,
      );
    }
    expect(n).toBeGreaterThan(0);
  });
}
