import type { SensorName } from "../core/place.ts";
import { scope, type Tensor } from "../graph/tensor.ts";
import { type LoraOptions, withAdapters } from "./lora.ts";
import type { ParameterTree } from "./parameters.ts";
import type { TokenMap } from "./patch-embed.ts";
import { initSkySense, type SkySenseConfig, type SkySenseParams } from "./skysense.ts";
import { swin } from "./swin-v2.ts";
import type { EncoderTraining } from "./training.ts";
import { vit } from "./vit.ts";

/** One encoder of a model, as tasks put their heads on it. */
export interface EncoderConfig {
  model: SkySenseConfig;
  sensor: SensorName;
  /** Positions of the images' bands among the model's. */
  bands: readonly number[];
  adapters?: LoraOptions | undefined;
}

/** The encoder's parameters under their official names in `backbone_…`, with its adapters. */
export function initEncoder({ model, sensor, adapters }: EncoderConfig): Record<string, ParameterTree> {
  const only = { ...model, hr: undefined, s2: undefined, s1: undefined, [sensor]: model[sensor] };
  const name = `backbone_${sensor}` as const;
  return { [name]: withAdapters(initSkySense(only)[name] as ParameterTree, adapters) };
}

/** Channels of the encoder's four maps, see {@link encode}. */
export function encoderWidths({ model, sensor }: EncoderConfig): number[] {
  return [0, 1, 2, 3].map((level) => (sensor === "hr" ? model.hr!.width * 2 ** level : model[sensor]!.encoder.width));
}

/**
 * Four maps of an encoder, [batch, h·w, width] each: Swin's stages, the finest first; or layers of a Vision
 * Transformer at a quarter, half, three quarters and the end, all of one size (SkySense++).
 *
 * @param p       What {@link initEncoder} declares, bound.
 * @param images  Normalised, [batch, bands, height, width].
 */
export function encode(
  p: SkySenseParams,
  images: Tensor,
  c: EncoderConfig,
  training: EncoderTraining = {},
): TokenMap[] {
  if (c.sensor === "hr") {
    const config = { ...c.model.hr!, outputs: [0, 1, 2, 3] };
    return scope("backbone_hr", () => [...swin(p.backbone_hr!, images, config, { training }).values()]);
  }
  const { encoder } = c.model[c.sensor]!;
  const some = c.bands.length === encoder.bands ? {} : { bands: c.bands };
  const layers = quarters(encoder.depth);
  const outputs = vit(p[`backbone_${c.sensor}`]!, images, { ...encoder, outputs: layers }, { training, ...some });
  return layers.map((layer) => outputs.get(layer)!);
}

/** The layers at a quarter, half, three quarters and the end; of fewer than four some come twice. */
function quarters(depth: number): number[] {
  return [1, 2, 3, 4].map((quarter) => Math.max(0, Math.round((quarter * depth) / 4) - 1));
}
