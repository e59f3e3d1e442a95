import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import type { Compute } from "../src/checkpoint/module-inputs.ts";
import { moduleProgram } from "../src/checkpoint/module-program.ts";
import { parseSafetensors, type StoredTensor } from "../src/core/safetensors.ts";
import { toOnnx } from "../src/graph/onnx.ts";
import { relativeL2 } from "./support/arrays.ts";
import { tolerance } from "./support/tolerance.ts";

const root = new URL("../fixtures/golden/", import.meta.url);

/** Modules that are more than one graph, and the tensors in their files that go in. */
const cases = {
  detect_faster_rcnn: ["image"],
  detect_pieces: [
    ...["decode.rois", "decode.deltas", "decode.rcnn.deltas", "encode.gt", "roi_align.features", "roi_align.rois"],
    ...["roi_levels.rois", "nms.boxes", "nms.score", "nms.class", "assign.anchors", "assign.gt", "assign.proposals"],
  ],
  detect_rotated: [
    ...["iou.a", "iou.b", "nms.boxes", "nms.score", "transform.obb", "midpoint.hboxes", "midpoint.gt"],
    ...["midpoint.pred", "rbox.rois", "rbox.gt", "rbox.pred"],
  ],
} as const;

function read(path: string): ReadonlyMap<string, StoredTensor> {
  return parseSafetensors(readFileSync(new URL(path, root)), { file: path }).tensors;
}

/** Runs graphs in this thread, with these weights. */
function computeWith(weights: ReadonlyMap<string, StoredTensor>): Compute {
  return async (outputs, feeds) => {
    const graph = toOnnx(outputs);
    const session = await InferenceSession.create(graph.bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const fed = [...graph.inputs, ...graph.parameters].map(({ name, dtype }) => {
      const { data, shape } = (feeds.get(name) ?? weights.get(name))!;
      return [name, new Tensor(dtype as "float32", data as Float32Array, [...shape])] as const;
    });
    const results = await session.run(Object.fromEntries(fed));
    await session.release();
    return new Map(
      Object.entries(results).map(([name, { data, dims }]) => [
        name,
        {
          dtype: data instanceof BigInt64Array ? "I64" : "F32",
          shape: dims,
          data: data as Float32Array<ArrayBuffer>,
        },
      ]),
    );
  };
}

test.each(Object.keys(cases) as (keyof typeof cases)[])("%s: every output is the official one", async (name) => {
  const config = JSON.parse(readFileSync(new URL(`${name}/config.json`, root), "utf8"));
  const io = read(`${name}/io.safetensors`);
  const given = new Map(cases[name].map((key): [string, StoredTensor] => [key, io.get(key)!]));
  const weights = name === "detect_faster_rcnn" ? read(`${name}/model.safetensors`) : new Map();
  const results = await moduleProgram(config)(given, computeWith(weights));
  const expected = [...io].filter(([key]) => !given.has(key));
  expect([...results.keys()].sort()).toEqual(expected.map(([key]) => key).sort());
  for (const [key, { shape, dtype, data }] of expected) {
    const actual = results.get(key)!;
    expect(actual.shape, key).toEqual(shape);
    expect(actual.dtype, key).toBe(dtype);
    if (dtype === "I64") expect(actual.data, key).toEqual(data);
    else {
      const limit = dtype === "F64" ? 1e-12 : tolerance.cosine;
      expect(relativeL2(actual.data as Float32Array, data as Float32Array), key).toBeLessThan(limit);
    }
  }
});
