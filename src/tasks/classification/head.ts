import type { SensorName } from "../../core/place.ts";
import { mean } from "../../graph/ops/reduce.ts";
import { batchDim } from "../../graph/shape.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { initLinear, type LinearParams, linear } from "../../model/linear.ts";
import { bindParameters, type ParameterTree } from "../../model/parameters.ts";
import { encodeHr, initSkySense, type SkySenseConfig, type SkySenseParams } from "../../model/skysense.ts";
import type { EncoderTraining } from "../../model/training.ts";
import { vit } from "../../model/vit.ts";

/** What a classifier is: one encoder of a model, and a linear head on the mean of its tokens. */
export interface ClassifierConfig {
  model: SkySenseConfig;
  sensor: SensorName;
  /** Positions of the images' bands among the model's. */
  bands: readonly number[];
  /** Side of the images, in pixels. */
  size: number;
  classes: readonly string[];
  /** Any number of classes an image, instead of one. */
  multiLabel: boolean;
}

/** The encoder under its official names, and `head.fc`. */
export function initClassifier(c: ClassifierConfig): ParameterTree {
  const only = { ...c.model, hr: undefined, s2: undefined, s1: undefined, [c.sensor]: c.model[c.sensor] };
  const tree = initSkySense(only) as Record<string, ParameterTree | undefined>;
  const weight = { kind: "normal", std: 0.01 } as const;
  return {
    [`backbone_${c.sensor}`]: tree[`backbone_${c.sensor}`],
    head: { fc: initLinear(encoderWidth(c), c.classes.length, { weight, bias: { kind: "constant", value: 0 } }) },
  };
}

/** Channels of the encoder's last output. */
export function encoderWidth({ model, sensor }: ClassifierConfig): number {
  if (sensor !== "hr") return model[sensor]!.encoder.width;
  const { width, depths } = model.hr!;
  return width * 2 ** (depths.length - 1);
}

/** Images "images" [batch, bands, size, size], normalised → logits [batch, classes]. */
export function classifier(c: ClassifierConfig, training: EncoderTraining = {}): Tensor {
  const p = bindParameters(initClassifier(c)) as unknown as SkySenseParams & { head: { fc: LinearParams } };
  const images = input("images", [batchDim(), c.bands.length, c.size, c.size]);
  return linear(p.head.fc, mean(tokensOf(p, images, c, training), { axes: [1] }));
}

/** Tokens [batch, tokens, width] of the encoder's last output. */
function tokensOf(
  p: SkySenseParams,
  images: Tensor,
  { model, sensor, bands }: ClassifierConfig,
  training: EncoderTraining,
): Tensor {
  if (sensor === "hr") return encodeHr(p.backbone_hr!, images, model.hr!, { training }).x;
  const { encoder } = model[sensor]!;
  const some = bands.length === encoder.bands ? {} : { bands };
  const outputs = vit(p[`backbone_${sensor}`]!, images, encoder, { training, ...some });
  return outputs.get(Math.max(...encoder.outputs))!.x;
}
