import { existsSync, readdirSync, readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { moduleGraph } from "../src/checkpoint/module-graph.ts";
import { parseSafetensors } from "../src/core/safetensors.ts";
import { toOnnx } from "../src/graph/onnx.ts";

const root = new URL("../fixtures/golden/", import.meta.url);
const classes = [
  "SwinTransformerV2",
  "VisionTransformer",
  "TransformerEncoder",
  "UPHead",
  "SkySense",
  "UPerHead",
  "FCNHead",
  "EncoderDecoder",
  "FPN",
];
/** Compared by relative L2 to 1e-4; the others to 1e-5. */
const deep = ["SwinTransformerV2", "SkySense", "UPerHead", "FCNHead", "EncoderDecoder", "FPN"];
/** In the file beside inputs and outputs: what belongs to the loss is compared in golden-upernet.test.ts. */
const others = /^(s2_ct|label|loss|grad\..*)$/;

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
      if (others.test(key)) continue;
      const actual = got[key];
      expect(actual, key).toBeDefined();
      expect(actual!.dims).toEqual(expected.shape);
      if (expected.dtype === "I64") {
        expect(actual!.data, key).toEqual(expected.data);
        n++;
        continue;
      }
      const a = actual!.data as Float32Array;
      const b = expected.data as Float32Array;
      let e = 0;
      let s = 0;
      for (let i = 0; i < a.length; i++) {
        e += (a[i]! - b[i]!) ** 2;
        s += b[i]! ** 2;
      }
      n++;
      expect(Math.sqrt(e / s), key).toBeLessThan(deep.includes(config.class_) ? 1e-4 : 1e-5);
    }
    expect(n).toBeGreaterThan(0);
  });
}
