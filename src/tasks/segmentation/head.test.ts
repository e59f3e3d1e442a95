import { expect, test } from "vitest";
import { evaluate } from "../../../test/support/evaluate.ts";
import { batchDim } from "../../graph/shape.ts";
import { input } from "../../graph/tensor.ts";
import { initialise } from "../../model/initialise.ts";
import { countParameters, listParameters } from "../../model/parameters.ts";
import { presets } from "../../model/presets.ts";
import { encoderGroups } from "../../train/tuning.ts";
import { stride } from "../maps/mapper.ts";
import { inferenceGraph, initSegmenter, type SegmenterConfig, segmenter } from "./head.ts";
import { lossGraph } from "./loss.ts";
import { segmenterFile } from "./model-file.ts";

const config: SegmenterConfig = {
  model: presets.tiny,
  sensor: "hr",
  bands: [0, 1, 2],
  size: 64,
  classes: ["a", "b", "c"].map((name, k) => ({ name, colour: `#00000${k}` })),
  head: { channels: 8, auxiliary: 4, dropout: 0.1 },
};

test.each([
  ["hr", 4],
  ["s2", 1],
  ["s1", 1],
] as const)("inferenceGraph: %s images of any size get scores at every %i. pixel", (sensor, step) => {
  const bands = sensor === "hr" ? 3 : presets.tiny[sensor].encoder.bands;
  const one = { ...config, sensor, bands: Array.from({ length: bands }, (_, k) => k) };
  expect(stride(one)).toBe(step);
  const { shape } = inferenceGraph(one, [128, 64]);
  expect(shape.slice(1)).toEqual([128 / step, 64 / step, 3]);
});

test("lossGraph: the loss is that of the decode head and 0.4 of the auxiliary one; ignored pixels count in the mean alone", async () => {
  const { graph, masks } = lossGraph(config, { dropPath: 0 });
  expect(masks.map(({ name }) => name)).toEqual(["drop.dropout.0", "drop.dropout.1"]);
  const tree = initSegmenter(config);
  const running = listParameters(tree).flatMap(([name, { buffer }]) => (buffer ? [name] : []));
  expect(Object.keys(graph.buffers!).sort()).toEqual(running.sort());

  const values = initialise(tree, { seed: 4 });
  const shapes = new Map(listParameters(tree).map(([name, { shape }]) => [name, shape]));
  const parameters = Object.fromEntries(
    [...values].map(([name, data]) => [name, { shape: shapes.get(name)!, data: [...data] }]),
  );
  const images = { shape: [1, 3, 64, 64], data: Array.from({ length: 3 * 64 * 64 }, (_, i) => Math.sin(i)) };
  const drops = Object.fromEntries(
    masks.map(({ name, shape }) => [name, { shape: [1, shape[1] as number], data: Array(shape[1]).fill(1) }]),
  );
  const run = async (label: (p: number) => number) => {
    const labels = { shape: [1, 64, 64], data: Array.from({ length: 64 * 64 }, (_, p) => label(p)) };
    const outputs = { loss: graph.loss, ...graph.metrics };
    const found = await evaluate(outputs, { images, labels, ...drops, ...parameters });
    return Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, data[0]!]));
  };
  const all = await run((p) => p % 3);
  expect(all.loss).toBeCloseTo(all.decodeLoss! + 0.4 * all.auxiliaryLoss!, 5);
  expect(all.decodeLoss).toBeCloseTo(Math.log(3), 1); // heads start near equal scores
  const half = await run((p) => (p < 32 * 64 ? p % 3 : 255));
  const other = await run((p) => (p < 32 * 64 ? 255 : p % 3));
  expect(half.decodeLoss! + other.decodeLoss!).toBeCloseTo(all.decodeLoss!, 5);
});

test("initSegmenter: the encoder has its official names, so that pre-trained weights and layer-wise decay find it", () => {
  const names = listParameters(initSegmenter({ ...config, model: presets.nano })).map(([name]) => name);
  const rule = encoderGroups(presets.nano, { sensor: "hr", rate: 0.9 });
  const scale = (name: string) => {
    expect(names).toContain(name);
    return rule(name, [2, 2]).lrScale;
  };
  // Nine blocks: 0.9 to the power of what lies behind (specification §5.3).
  expect(scale("backbone_hr.patch_embed.projection.weight")).toBeCloseTo(0.9 ** 10, 12);
  expect(scale("backbone_hr.stages.0.blocks.0.attn.w_msa.qkv.weight")).toBeCloseTo(0.9 ** 9, 12);
  expect(scale("backbone_hr.stages.2.downsample.reduction.weight")).toBeCloseTo(0.9 ** 5, 12);
  expect(scale("backbone_hr.stages.3.blocks.0.ffn.layers.1.weight")).toBeCloseTo(0.9, 12);
  expect(scale("decode_head.conv_seg.weight")).toBe(1);
  expect(countParameters(initSegmenter({ ...config, model: presets.nano }))).toBeGreaterThan(1e6);
});

test("readSegmenterConfig: what was written, and nothing that another task wrote", () => {
  const full = { ...config, adapters: { rank: 4, alpha: 8 } };
  expect(segmenterFile.read(segmenterFile.write(full), { file: "m" })).toEqual(JSON.parse(JSON.stringify(full)));
  expect(() => segmenterFile.read({}, { file: "m.safetensors" })).toThrow(
    "the file is not a segmenter (m.safetensors)",
  );
});

test("segmenter: adapters change nothing in the shapes of what comes out", () => {
  const images = input("images", [batchDim(), 3, 64, 64]);
  const [plain, adapted] = [config, { ...config, adapters: { rank: 2, alpha: 4 } }].map((c) => segmenter(c, images));
  expect(adapted!.logits.shape).toEqual(plain!.logits.shape);
  expect(adapted!.auxiliary.shape.slice(1)).toEqual([3, 4, 4]);
});
