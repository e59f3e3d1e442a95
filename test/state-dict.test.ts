import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fusionConfig, swinConfig, upHeadConfig, vitConfig } from "../src/checkpoint/official-config.ts";
import { fasterRcnnConfig } from "../src/checkpoint/official-detectors.ts";
import { fcnHeadConfig, uperHeadConfig } from "../src/checkpoint/official-heads.ts";
import { initFasterRcnn } from "../src/model/detection/faster-rcnn.ts";
import { initFusion } from "../src/model/fusion.ts";
import { countParameters, listParameters, type ParameterTree } from "../src/model/parameters.ts";
import { presets } from "../src/model/presets.ts";
import { initFcnHead, initUperHead } from "../src/model/segmentation-head.ts";
import { initSkySense } from "../src/model/skysense.ts";
import { initSwin } from "../src/model/swin-v2.ts";
import { initUpHead } from "../src/model/up-head.ts";
import { initVit } from "../src/model/vit.ts";

const upHead = { in_dim: 1024, out_dim: 2816, up_scale: 4 };
const official = {
  input_dims: 2816,
  embed_dims: 1024,
  num_layers: 24,
  num_heads: 16,
  output_cls_token: true,
};
const all = [0, 1, 2, 3];

const norm_cfg = { type: "SyncBN", requires_grad: true };
const decodeHead = { in_channels: [352, 704, 1408, 2816], in_index: all, channels: 512, num_classes: 16, norm_cfg };
const auxiliaryHead = {
  ...{ in_channels: 1408, in_index: 2, channels: 256, num_classes: 16, norm_cfg },
  ...{ num_convs: 1, concat_input: false },
};

const extractor = {
  roi_layer: { type: "RoIAlign", output_size: 7, sampling_ratio: 0 },
  ...{ out_channels: 256, featmap_strides: [4, 8, 16, 32] },
};
const diorDetector = {
  backbone: { out_indices: all },
  neck: { type: "FPN", in_channels: [352, 704, 1408, 2816], out_channels: 256, num_outs: 5 },
  rpn_head: {
    in_channels: 256,
    anchor_generator: { scales: [8], ratios: [0.5, 1, 2], strides: [4, 8, 16, 32, 64] },
  },
  roi_head: { bbox_roi_extractor: extractor, bbox_head: { in_channels: 256, num_classes: 20 } },
};

const modules: Record<string, ParameterTree> = {
  "hr-3ch": initSwin(swinConfig({})),
  "hr-3ch-allstages": initSwin(swinConfig({ out_indices: all })),
  "hr-4ch-allstages": initSwin(swinConfig({ out_indices: all, in_channels: 4 })),
  s2: initVit(vitConfig({})),
  s1: initVit(vitConfig({ in_channels: 2 })),
  uphead_s2: initUpHead(upHeadConfig(upHead)),
  uphead_s1: initUpHead(upHeadConfig(upHead)),
  fusion: initFusion(fusionConfig(official)),
  "skysense-composed": initSkySense(presets.huge) as ParameterTree,
  "upernet-isaid": {
    backbone: initSwin(swinConfig({ out_indices: all })),
    decode_head: initUperHead(uperHeadConfig(decodeHead).config),
    auxiliary_head: initFcnHead(fcnHeadConfig(auxiliaryHead).config),
  } as ParameterTree,
  "faster-rcnn-dior": initFasterRcnn(fasterRcnnConfig(diorDetector)) as ParameterTree,
};

test.each(Object.keys(modules))("%s: names, shapes and counts are the official ones", (name) => {
  const file = new URL(`../fixtures/state-dict/${name}.json`, import.meta.url);
  const expected: { total: number; parameters: Record<string, number[]>; buffers?: Record<string, number[]> } =
    JSON.parse(readFileSync(file, "utf8"));
  const specs = listParameters(modules[name]!);
  const shapesOf = (isBuffer: boolean) =>
    Object.fromEntries(
      specs.flatMap(([key, { shape, buffer = false }]) => (buffer === isBuffer ? [[key, shape]] : [])),
    );
  expect(shapesOf(false)).toEqual(expected.parameters);
  expect(shapesOf(true)).toEqual(expected.buffers ?? {});
  expect(countParameters(modules[name]!)).toBe(expected.total);
});

test.each(["upernet-isaid", "faster-rcnn-dior"])(
  "%s: the official optimiser groups name exactly the parameters of our module, in their shapes",
  (name) => {
    const file = new URL(`../fixtures/layer-decay/${name}.json`, import.meta.url);
    const official: { parameters: [name: string, shape: number[]][] } = JSON.parse(readFileSync(file, "utf8"));
    const trained = listParameters(modules[name]!).filter(([, { buffer }]) => buffer !== true);
    const ours = trained.map(([key, { shape }]): [string, readonly number[]] => [key, shape]);
    expect(new Map(ours)).toEqual(new Map(official.parameters.map(([key, shape]) => [key, shape])));
  },
);

test("nano: has 6 to 9 million parameters", () => {
  const count = countParameters(initSkySense(presets.nano) as ParameterTree);
  expect(count).toBeGreaterThan(6e6);
  expect(count).toBeLessThan(9e6);
});
