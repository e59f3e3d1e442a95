import { SkySenseError } from "../core/error.ts";
import type { StoredTensor } from "../core/safetensors.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { type Dtype, input, scope, type Tensor } from "../graph/tensor.ts";
import type { ParameterTree } from "../model/parameters.ts";
import type { TokenMap } from "../model/patch-embed.ts";

/** Shape and type of an input as it stands in a file. */
export type InputShapes = ReadonlyMap<string, { shape: readonly number[]; dtype: Dtype }>;

/** One official module as a graph: its weights, and its outputs and intermediates by name. */
export interface ModuleGraph {
  parameters: ParameterTree;
  outputs: Record<string, Tensor>;
}

/** What a class is given: its constructor's arguments, the inputs, and further fields of the configuration. */
export interface ModuleRequest {
  kwargs: unknown;
  inputs: InputShapes;
  subsets: readonly string[];
  mode: Mode;
}

/** A module as its configuration file describes it. */
export interface ModuleDescription {
  class_: string;
  constructor: unknown;
  /** For SkySense: sensors that are fused besides all of them ("hr+s1"). */
  subsets?: readonly string[] | undefined;
  mode?: Mode | undefined;
  /** For detectors: height and width of the image without its padding. */
  img_shape?: unknown;
}

export type Tensors = ReadonlyMap<string, StoredTensor>;

/** Runs a graph: its outputs by name, and what its inputs are fed with. */
export type Compute = (
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Tensors,
) => Promise<Map<string, StoredTensor>>;

/** Inputs of a module → its outputs and intermediates: of one graph, or of several with plain code between them. */
export type ModuleProgram = (inputs: Tensors, compute: Compute) => Promise<Map<string, StoredTensor>>;

/** In training, batch norms use the batch's statistics and tell the new running ones as outputs `after.<buffer>`. */
export type Mode = "train" | "eval";

/** Build once for every input called "input" or "<tag>.input"; what is put gets the same tag. */
export function forEachInput(
  inputs: InputShapes,
  { rank }: { rank: number },
  build: (x: Tensor, put: (name: string, value: Tensor) => void) => void,
): Record<string, Tensor> {
  const outputs: Record<string, Tensor> = {};
  for (const [name, { shape, dtype }] of inputs) {
    const match = /^(.*\.)?input$/.exec(name);
    if (match === null) continue;
    const tag = match[1] ?? "";
    if (shape.length !== rank) throw badInputs(`"${name}" has ${shape.length} axes, not ${rank}`);
    scope(tag.replace(/\.$/, ""), () =>
      build(input(name, shape, dtype), (key, value) => {
        outputs[tag + key] = value;
      }),
    );
  }
  if (Object.keys(outputs).length === 0) throw badInputs('there is no tensor called "input" or "<tag>.input"');
  return outputs;
}

export function checkChannels({ shape }: Tensor, axis: number, expected: number): void {
  if (shape[axis] !== expected) throw badInputs(`the input has ${shape[axis]} channels, not ${expected}`);
}

export function fromImage(image: Tensor): TokenMap {
  const [batch, channels, h, w] = image.shape as number[];
  return { x: reshape(transpose(image, [0, 2, 3, 1]), [batch!, h! * w!, channels!]), grid: [h!, w!] };
}

export function badInputs(what: string): SkySenseError {
  return new SkySenseError({
    code: "BAD_INPUTS",
    what,
    remedy: "Give the inputs that the class takes under its names.",
  });
}

export function unknownClass(name: string, known: readonly string[]): SkySenseError {
  return new SkySenseError({
    code: "BAD_CONFIG",
    what: `class "${name}" is not known`,
    remedy: `Choose from ${known.join(", ")}.`,
  });
}

/** The input of that name, which must have `rank` axes. @throws SkySenseError `BAD_INPUTS` */
export function takeInput<T extends { shape: readonly number[] }>(
  inputs: ReadonlyMap<string, T>,
  name: string,
  rank: number,
): T {
  const known = inputs.get(name);
  if (known === undefined) throw badInputs(`there is no tensor called "${name}"`);
  if (known.shape.length !== rank) throw badInputs(`"${name}" has ${known.shape.length} axes, not ${rank}`);
  return known;
}

/** Shapes and types of tensors in a file. */
export function shapesOf(tensors: Tensors): InputShapes {
  return new Map(
    [...tensors].map(([name, { dtype, shape }]) => [name, { shape, dtype: dtype === "I64" ? "int64" : "float32" }]),
  );
}

/** Maps called "input.0", "input.1" … or "input.x0" …, in that order. */
export function takeMaps(inputs: InputShapes): Tensor[] {
  const found: Tensor[] = [];
  for (const [name, { shape, dtype }] of inputs) {
    const match = /^input\.x?(\d+)$/.exec(name);
    if (match === null) continue;
    if (shape.length !== 4) throw badInputs(`"${name}" has ${shape.length} axes, not 4`);
    found[Number(match[1])] = input(name, shape, dtype);
  }
  if (found.length === 0) throw badInputs('there is no tensor called "input.<level>"');
  return found;
}

/** The map at a position of the official `in_index`, counted from the end when negative. */
export function mapAt(maps: readonly Tensor[], index: number, channels: number): Tensor {
  const map = maps.at(index);
  if (map === undefined) throw badInputs(`there is no map for in_index ${index}`);
  checkChannels(map, 1, channels);
  return map;
}
