import { expect, test } from "vitest";
import { toOnnx } from "../src/graph/onnx.ts";
import { batchDim } from "../src/graph/shape.ts";
import { input, type Tensor } from "../src/graph/tensor.ts";
import { type FusionParams, fusion, initFusion } from "../src/model/fusion.ts";
import { bindParameters } from "../src/model/parameters.ts";
import { presets } from "../src/model/presets.ts";
import { initSwin, type SwinConfig, type SwinParams, swin } from "../src/model/swin-v2.ts";
import { initVit, type VitParams, vit } from "../src/model/vit.ts";
import { graphToText } from "./support/graph-text.ts";

/*
 * The ONNX that modules are written as, so that a review sees when it changes. `npx vitest run -u` accepts a change.
 */

const { hr, s2, fusion: fusionConfig } = presets.tiny;
const swinConfig: SwinConfig = { ...hr, depths: [2], heads: [2], outputs: [0], window: 2 };
const vitConfig = { ...s2.encoder, depth: 1, outputs: [0], image: [4, 4] as const };

const graphs: Record<string, () => Tensor> = {
  "swin-two-blocks": () =>
    swin(bindParameters(initSwin(swinConfig)) as SwinParams, input("image", [batchDim(), 3, 16, 16]), swinConfig).get(
      0,
    )!.x,
  "vit-one-layer": () =>
    vit(bindParameters(initVit(vitConfig)) as VitParams, input("image", [batchDim(), 10, 4, 6]), vitConfig).get(0)!.x,
  "fusion-class-token": () => {
    const config = { ...fusionConfig, depth: 1 };
    const p = bindParameters(initFusion(config)) as FusionParams;
    const keyMask = input("mask", [batchDim(), 1, 1, 4]);
    return fusion(p, input("tokens", [batchDim(), 3, 64]), config, { keyMask, first: 1 });
  },
};

test.each(Object.keys(graphs))("%s: is written as in fixtures/graphs", async (name) => {
  const { bytes } = toOnnx({ output: graphs[name]!() });
  await expect(graphToText(bytes)).toMatchFileSnapshot(`../fixtures/graphs/${name}.txt`);
});
