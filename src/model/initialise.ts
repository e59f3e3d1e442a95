import { createRandom } from "../core/random.ts";
import { listParameters, type ParameterSpec, type ParameterTree } from "./parameters.ts";

/**
 * Weights as training starts with them, by official name. The same seed gives the same numbers on every device; each
 * parameter draws from a stream of its own, so a part of a model starts the same alone and in the whole.
 */
export function initialise(tree: ParameterTree, { seed }: { seed: number }): Map<string, Float32Array<ArrayBuffer>> {
  return new Map(listParameters(tree).map(([name, spec]) => [name, draw(spec, seed, name)]));
}

function draw({ shape, initial }: ParameterSpec, seed: number, name: string): Float32Array<ArrayBuffer> {
  const values = new Float32Array(shape.reduce((n, extent) => n * extent, 1));
  if (initial.kind === "constant") return values.fill(initial.value);
  const random = createRandom(seed, name);
  for (let i = 0; i < values.length; i++) {
    values[i] =
      initial.kind === "uniform"
        ? (2 * random.uniform() - 1) * initial.bound
        : initial.kind === "normal"
          ? random.normal() * initial.std
          : random.truncatedNormal({ std: initial.std, min: -2, max: 2 });
  }
  if (initial.kind === "normal" && initial.repeat !== undefined) copyRows(values, shape, initial.repeat);
  return values;
}

/** Give every group of `repeat` consecutive rows the values of its first. */
function copyRows(values: Float32Array, [rows]: readonly number[], repeat: number): void {
  const length = values.length / rows!;
  for (let row = 0; row < rows!; row++) {
    const first = (row - (row % repeat)) * length;
    values.copyWithin(row * length, first, first + length);
  }
}
