import { mean } from "../../graph/ops/reduce.ts";
import { batchDim } from "../../graph/shape.ts";
import { input, type Tensor } from "../../graph/tensor.ts";
import { type EncoderConfig, encode, encoderWidths, initEncoder } from "../../model/encoder.ts";
import { initLinear, type LinearParams, linear } from "../../model/linear.ts";
import { bindAdapted } from "../../model/lora.ts";
import type { ParameterTree } from "../../model/parameters.ts";
import type { SkySenseParams } from "../../model/skysense.ts";
import type { EncoderTraining } from "../../model/training.ts";

/** What a classifier is: one encoder of a model, and a linear head on the mean of its tokens. */
export interface ClassifierConfig extends EncoderConfig {
  /** Side of the images, in pixels. */
  size: number;
  classes: readonly string[];
  /** Any number of classes an image, instead of one. */
  multiLabel: boolean;
}

/** The encoder under its official names, and `head.fc`. */
export function initClassifier(c: ClassifierConfig): ParameterTree {
  const weight = { kind: "normal", std: 0.01 } as const;
  return {
    ...initEncoder(c),
    head: {
      fc: initLinear(encoderWidths(c).at(-1)!, c.classes.length, { weight, bias: { kind: "constant", value: 0 } }),
    },
  };
}

/** Images "images" [batch, bands, size, size], normalised → logits [batch, classes]. */
export function classifier(c: ClassifierConfig, training: EncoderTraining = {}): Tensor {
  const p = bindAdapted(initClassifier(c), c.adapters) as unknown as SkySenseParams & { head: { fc: LinearParams } };
  const images = input("images", [batchDim(), c.bands.length, c.size, c.size]);
  return linear(p.head.fc, mean(encode(p, images, c, training).at(-1)!.x, { axes: [1] }));
}
