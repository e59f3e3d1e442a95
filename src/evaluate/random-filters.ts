import { type ImageStack, type Place, type SensorName, sensorNames } from "../core/place.ts";
import { createRandom } from "../core/random.ts";
import { type OnnxGraph, toOnnx } from "../graph/onnx.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { sum } from "../graph/ops/reduce.ts";
import { relu } from "../graph/ops/relu.ts";
import { batchDim } from "../graph/shape.ts";
import { input, parameter } from "../graph/tensor.ts";
import { normalise } from "../imagery/sensor/normalise.ts";
import { profiles } from "../imagery/sensor/profiles.ts";
import type { Runtime } from "../runtime/session.ts";
import { type Weights, weightsFromTensors } from "../runtime/weights.ts";
import type { Extractor } from "./extractor.ts";

const filterCount = 512;
/** Pixels of one run: their responses stay in the cache. */
const rowsPerRun = 4096;

/**
 * Random convolutional features (RCF): responses of 512 random 3 × 3 filters, standard normal and without offset, to
 * the normalised image; of each the mean of its positive part and that of its negative part, over the valid pixels of
 * all dates. Sensors one after the other. What convolutions know before they have learnt anything.
 *
 * Beyond the edge the nearest pixel is repeated.
 * @see Rolf et al. 2021, doi:10.1038/s41467-021-24638-z
 */
export function randomFilters(runtime: Runtime, { seed }: { seed: number }): Extractor {
  const compiled = new Map<string, { filters: Float32Array; graph: OnnxGraph; weights: Weights }>();
  const compile = (sensor: SensorName, bands: readonly string[]) => {
    const key = [sensor, ...bands].join(" ");
    const made = compiled.get(key) ?? makeFilters(key, bands, seed);
    compiled.set(key, made);
    return made;
  };
  return {
    name: "RCF",
    parameters: 0,
    fingerprint: `RCF 1, ${filterCount} filters, seed ${seed}`,
    async extract(places, { signal } = {}) {
      const vectors: Float32Array[] = [];
      for (const place of places) vectors.push(await extractOne(place));
      return vectors;

      async function extractOne(place: Place): Promise<Float32Array> {
        const parts: number[] = [];
        for (const sensor of sensorNames) {
          const stack = place[sensor];
          if (stack === undefined) continue;
          const { filters, graph, weights } = compile(sensor, stack.bands);
          const session = await runtime.compile(graph, { device: "cpu", weights });
          const patches = neighbourhoods(sensor, stack);
          const width = 9 * stack.bands.length;
          const count = patches.length / width;
          const runs: Promise<Float32Array>[] = [];
          for (let row = 0; row < count; row += rowsPerRun) {
            const rows = Math.min(rowsPerRun, count - row);
            const data = patches.subarray(row * width, (row + rows) * width);
            const run = session.run({ patches: { data, shape: [rows, width] } }, { ...(signal && { signal }) });
            runs.push(run.then(({ positive }) => positive!.data as Float32Array));
          }
          parts.push(...signedMeans(await Promise.all(runs), patches, filters));
        }
        return Float32Array.from(parts);
      }
    },
  };
}

function makeFilters(key: string, bands: readonly string[], seed: number) {
  const random = createRandom(seed, "RCF", key);
  const shape = [9 * bands.length, filterCount];
  const filters = Float32Array.from({ length: shape[0]! * filterCount }, () => random.normal());
  const responses = relu(matMul(input("patches", [batchDim(), shape[0]!]), parameter("filters", shape)));
  const weights = weightsFromTensors(new Map([["filters", { dtype: "F32" as const, shape, data: filters }]]), {
    name: `random filters, seed ${seed}`,
  });
  return { filters, graph: toOnnx({ positive: sum(responses, { axes: [0] }) }), weights };
}

/** Around every valid pixel its 3 × 3 neighbours in every band, normalised: [valid pixels, bands · 9]. */
function neighbourhoods(sensor: SensorName, stack: ImageStack): Float32Array {
  const [dates, bands, height, width] = stack.shape;
  const image = normalise(stack, profiles[sensor], { masked: "keep" });
  const pixels = height * width;
  const valid = stack.mask === undefined ? dates * pixels : stack.mask.reduce((count, v) => count + v, 0);
  const out = new Float32Array(valid * bands * 9);
  let at = 0;
  for (let t = 0; t < dates; t++) {
    for (let row = 0; row < height; row++) {
      const rows = [Math.max(0, row - 1) * width, row * width, Math.min(height - 1, row + 1) * width];
      for (let column = 0; column < width; column++) {
        if (stack.mask !== undefined && stack.mask[t * pixels + rows[1]! + column] === 0) continue;
        const [left, right] = [Math.max(0, column - 1), Math.min(width - 1, column + 1)];
        for (let b = 0; b < bands; b++) {
          const plane = (t * bands + b) * pixels;
          for (const line of rows) {
            out[at++] = image[plane + line + left]!;
            out[at++] = image[plane + line + column]!;
            out[at++] = image[plane + line + right]!;
          }
        }
      }
    }
  }
  return out;
}

/**
 * Means of max(0, r) and max(0, −r) of each filter's responses r; the second follows from the first, since
 * max(0, −r) = max(0, r) − r and the mean of r is the filter applied to the mean neighbourhood.
 *
 * @param sums  Σ max(0, r) of each run, [filters]
 */
function signedMeans(sums: readonly Float32Array[], patches: Float32Array, filters: Float32Array): number[] {
  const width = filters.length / filterCount;
  const count = patches.length / width;
  const centre = new Float64Array(width);
  for (let i = 0; i < patches.length; i += width)
    for (let j = 0; j < width; j++) centre[j]! += patches[i + j]! / count;
  const positive = Array.from(
    { length: filterCount },
    (_, f) => sums.reduce((total, part) => total + part[f]!, 0) / count,
  );
  const negative = positive.map((mean, f) => {
    let response = 0;
    for (let j = 0; j < width; j++) response += centre[j]! * filters[j * filterCount + f]!;
    return Math.max(0, mean - response);
  });
  return [...positive, ...negative];
}
