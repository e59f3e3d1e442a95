import { argMax } from "../graph/ops/arg-max.ts";
import { resizeImage } from "../graph/ops/resize.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { input, scope, type Tensor } from "../graph/tensor.ts";
import type { BufferUpdates } from "../model/conv-norm.ts";
import { bindParameters, type ParameterTree } from "../model/parameters.ts";
import { toImage } from "../model/patch-embed.ts";
import {
  type FcnHeadParams,
  fcnHead,
  type HeadTraining,
  initFcnHead,
  initUperHead,
  type UperHeadParams,
  uperHead,
} from "../model/segmentation-head.ts";
import { initSwin, type SwinParams, swin } from "../model/swin-v2.ts";
import { checkChannels, type ModuleGraph, type ModuleRequest, mapAt, takeInput, takeMaps } from "./module-inputs.ts";
import { encoderDecoderConfig, fcnHeadConfig, uperHeadConfig } from "./official-heads.ts";

/** mmseg's `UPerHead`: maps `input.<i>` → `logits`. */
export function uperHeadGraph({ kwargs, inputs, mode }: ModuleRequest): ModuleGraph {
  const { config, inIndex } = uperHeadConfig(kwargs);
  const parameters = initUperHead(config);
  const all = takeMaps(inputs);
  const maps = inIndex.map((index, i) => mapAt(all, index, config.levels[i]!));
  return withTraining(mode, parameters, (training) => ({
    logits: uperHead(bindParameters(parameters) as UperHeadParams, maps, config, training),
  }));
}

/** mmseg's `FCNHead`: maps `input.<i>` → `logits`. */
export function fcnHeadGraph({ kwargs, inputs, mode }: ModuleRequest): ModuleGraph {
  const { config, inIndex } = fcnHeadConfig(kwargs);
  const parameters = initFcnHead(config) as ParameterTree;
  const map = mapAt(takeMaps(inputs), inIndex, config.inputs);
  return withTraining(mode, parameters, (training) => ({
    logits: fcnHead(bindParameters(parameters) as unknown as FcnHeadParams, map, config, training),
  }));
}

/** mmseg's `EncoderDecoder`: `image` → `feat.<i>`, `logits`, `aux_logits`, `seg_logits` (the image's size), `pred`. */
export function encoderDecoderGraph({ kwargs, inputs, mode }: ModuleRequest): ModuleGraph {
  const { backbone, decode, auxiliary } = encoderDecoderConfig(kwargs);
  const parameters = {
    backbone: initSwin(backbone),
    decode_head: initUperHead(decode.config),
    auxiliary_head: auxiliary && initFcnHead(auxiliary.config),
  } as ParameterTree;
  const known = takeInput(inputs, "image", 4);
  const image = input("image", known.shape, known.dtype);
  checkChannels(image, 1, backbone.bands);
  const p = bindParameters(parameters) as unknown as {
    backbone: SwinParams;
    decode_head: UperHeadParams;
    auxiliary_head?: FcnHeadParams;
  };
  return withTraining(mode, parameters, (training) => {
    const maps = [...scope("backbone", () => swin(p.backbone, image, backbone)).values()].map(toImage);
    const chosen = decode.inIndex.map((index, i) => mapAt(maps, index, decode.config.levels[i]!));
    const logits = scope("decode_head", () => uperHead(p.decode_head, chosen, decode.config, training));
    const size = image.shape.slice(2) as [number, number];
    const whole = resizeImage(logits, size, { mode: "bilinear", alignCorners: decode.config.alignCorners });
    const outputs: Record<string, Tensor> = {
      logits,
      seg_logits: whole,
      pred: argMax(transpose(whole, [0, 2, 3, 1])),
    };
    for (const [i, map] of maps.entries()) outputs[`feat.${i}`] = map;
    if (auxiliary !== undefined) {
      const map = mapAt(maps, auxiliary.inIndex, auxiliary.config.inputs);
      outputs.aux_logits = scope("auxiliary_head", () => fcnHead(p.auxiliary_head!, map, auxiliary.config, training));
    }
    return outputs;
  });
}

/** Outputs of `build`, and in training the new running statistics. */
function withTraining(
  mode: ModuleRequest["mode"],
  parameters: ParameterTree,
  build: (training: HeadTraining | undefined) => Record<string, Tensor>,
): ModuleGraph {
  const updates: BufferUpdates = new Map();
  const outputs = build(mode === "train" ? { updates } : undefined);
  for (const [name, value] of updates) outputs[`after.${name}`] = value;
  return { parameters, outputs };
}
