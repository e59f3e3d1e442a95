import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { fusionConfig, swinConfig, upHeadConfig, vitConfig } from "../src/checkpoint/official-config.ts";
import { fcnHeadConfig, uperHeadConfig } from "../src/checkpoint/official-heads.ts";
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

test("nano: has 6 to 9 million parameters", () => {
  const count = countParameters(initSkySense(presets.nano) as ParameterTree);
  expect(count).toBeGreaterThan(6e6);
  expect(count).toBeLessThan(9e6);
});
