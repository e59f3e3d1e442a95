import type { SensorName } from "../core/place.ts";
import { type StoredTensor, toFloat32 } from "../core/safetensors.ts";
import { initialise } from "../model/initialise.ts";
import { isAdapter, type LoraOptions } from "../model/lora.ts";
import { listParameters, type ParameterTree } from "../model/parameters.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import { type Weights, weightsFromTensors } from "../runtime/weights.ts";
import { type GroupRule, plainGroups, swinLayerDecay, vitLayerDecay } from "./groups.ts";
import type { Values } from "./state.ts";

/** How much of a pre-trained model learns, and how fast; every task has these settings. */
export interface TuningSettings {
  mode: TuningMode;
  /** Samples of a step, over all processes. */
  batchSize: number;
  /** Peak learning rate. */
  lr: number;
  weightDecay: number;
  /** Learning rate of a layer as a share of that of the layer after it (specification §5.3); 1: all alike. */
  layerDecay: number;
  /** Stochastic depth of the encoder: the rate at which its last block is left out, where it is trained. */
  dropPath: number;
  /** Of the adapters, with the mode "lora"; α is twice as much. */
  rank: number;
  /** Of weights, split, order, augmentation and what is dropped. */
  seed: number;
}

/** What of a pre-trained model learns: nothing but the head; low-rank adapters and the head; everything. */
export const tuningModes = ["frozen", "lora", "full"] as const;
export type TuningMode = (typeof tuningModes)[number];

/**
 * Which parameters of a task's model are trained: running statistics never are.
 *
 * @param options.encoders  How the names of what was pre-trained begin.
 */
export function tunable(
  tree: ParameterTree,
  { mode, encoders }: { mode: TuningMode; encoders: readonly string[] },
): (name: string) => boolean {
  const buffers = new Set(listParameters(tree).flatMap(([name, { buffer }]) => (buffer === true ? [name] : [])));
  const pretrained = (name: string) => encoders.some((prefix) => name.startsWith(prefix));
  return (name) => !buffers.has(name) && (mode === "full" || isAdapter(name) || !pretrained(name));
}

/** The adapters that a mode asks for, as they stand in a model's configuration. */
export function adaptersOf({ mode, rank }: Pick<TuningSettings, "mode" | "rank">): { adapters?: LoraOptions } {
  return mode === "lora" ? { adapters: { rank, alpha: 2 * rank } } : {};
}

/** What of an encoder's blocks is left out: a frozen one is never disturbed. */
export function dropPathOf({ mode, dropPath }: Pick<TuningSettings, "mode" | "dropPath">): number {
  return mode === "frozen" ? 0 : dropPath;
}

/** The values that a task starts with: the model's where it has them in that shape, else fresh ones. */
export function startValues(
  tree: ParameterTree,
  { weights, seed }: { weights: Weights; seed: number },
): [name: string, values: Values][] {
  const fresh = initialise(tree, { seed });
  return listParameters(tree).map(([name, { shape }]) => {
    const known = weights.entries.get(name)?.shape.join() === shape.join();
    const data = known ? toFloat32(weights.get(name)) : fresh.get(name)!;
    return [name, { shape, data: data as Float32Array<ArrayBuffer> }];
  });
}

/** Layer-wise decay of the learning rate by the names inside an encoder of a model; a rate of 1: all alike. */
export function encoderGroups(
  model: SkySenseConfig,
  { sensor, rate }: { sensor: SensorName; rate: number },
): GroupRule {
  if (rate === 1) return plainGroups;
  const prefix = `backbone_${sensor}.`;
  if (sensor === "hr") return swinLayerDecay({ depths: model.hr!.depths, rate, prefix });
  return vitLayerDecay({ layers: model[sensor]!.encoder.depth, rate, prefix });
}

/** A trained model as it is used: without adapters, which are added to the weights that they adapt. */
export function withoutAdapters<C extends { adapters?: LoraOptions | undefined }>({
  config: { adapters, ...config },
  weights,
}: {
  config: C;
  weights: Weights;
}): { config: Omit<C, "adapters">; weights: Weights } {
  return { config, weights: adapters === undefined ? weights : mergeAdapters(weights, adapters) };
}

/** The same for several encoders, each by its own layers. */
export function encodersGroups(
  model: SkySenseConfig,
  { sensors, rate }: { sensors: readonly SensorName[]; rate: number },
): GroupRule {
  const rules = sensors.map((sensor) => [`backbone_${sensor}.`, encoderGroups(model, { sensor, rate })] as const);
  return (name, shape) => (rules.find(([prefix]) => name.startsWith(prefix)) ?? rules[0]!)[1](name, shape);
}

/** Weights with their adapters added up: W + (α / rank) B·A under the name of W, and the adapters gone. */
export function mergeAdapters(weights: Weights, { rank, alpha }: LoraOptions): Weights {
  const tensors = new Map<string, StoredTensor>();
  for (const name of weights.entries.keys()) {
    if (isAdapter(name)) continue;
    const layer = name.replace(/weight$/, "");
    const adapted = name.endsWith(".weight") && weights.entries.has(`${layer}lora_A.weight`);
    tensors.set(name, adapted ? merged(weights, layer, alpha / rank) : weights.get(name));
  }
  return weightsFromTensors(tensors, { name: weights.name, metadata: { ...weights.metadata } });
}

function merged(weights: Weights, layer: string, scale: number): StoredTensor {
  const { shape } = weights.entries.get(`${layer}weight`)!;
  const [rows, columns] = shape as [number, number];
  const [w, a, b] = ["weight", "lora_A.weight", "lora_B.weight"].map((name) => weights.float32(layer + name));
  const rank = a!.length / columns;
  const data = new Float32Array(w!);
  for (let i = 0; i < rows; i++) {
    for (let r = 0; r < rank; r++) {
      const factor = scale * b![i * rank + r]!;
      for (let j = 0; j < columns; j++) data[i * columns + j]! += factor * a![r * columns + j]!;
    }
  }
  return { dtype: "F32", shape, data };
}
