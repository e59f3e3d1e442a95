import { expect } from "vitest";
import { gradients } from "../../src/graph/gradients.ts";
import { toOnnx } from "../../src/graph/onnx.ts";
import { batchDim } from "../../src/graph/shape.ts";
import { input, type Tensor } from "../../src/graph/tensor.ts";
import { type NdArray, noise, sumOver } from "./arrays.ts";
import { run } from "./evaluate.ts";
import { tolerance } from "./tolerance.ts";

export interface CheckGradOptions {
  /** Shapes of the inputs. */
  shapes: readonly (readonly number[])[];
  /** Inputs as a function of noise in (−1, 1), to keep off kinks and poles; default: the noise. */
  domain?: (v: number, inputIndex: number) => number;
  /** Values that are fed but not differentiated by, by name. */
  feeds?: Readonly<Record<string, NdArray>>;
  /** The first axis of every input is the symbolic batch. */
  symbolic?: boolean;
  /** Step of the differences; smaller where the function bends more. */
  h?: number;
}

/**
 * Hold the gradient of `f` to central differences: for each input along one seeded random direction v, with a random
 * cotangent c, ⟨∂⟨c, f⟩/∂x, v⟩ against (⟨c, f(x + hv)⟩ − ⟨c, f(x − hv)⟩) / 2h, summed in double precision.
 */
export async function checkGrad(
  f: (...xs: Tensor[]) => Tensor,
  { shapes, domain = (v) => v, feeds = {}, symbolic = false, h = tolerance.gradient.h }: CheckGradOptions,
): Promise<void> {
  const xs = shapes.map((shape, i) => input(`x${i}`, symbolic ? [batchDim(), ...shape.slice(1)] : shape));
  const y = f(...xs);
  const cotangent = input("c", y.shape);
  const found = gradients([{ of: y, value: cotangent }], xs);
  for (const [i, d] of found.entries()) expect(d.shape, `shape of gradient ${i}`).toEqual(xs[i]!.shape);
  const graph = toOnnx({ y, ...Object.fromEntries(found.map((d, i) => [`d${i}`, d])) });

  const point = shapes.map((shape, i) => ({ shape, data: noise(shape, i + 1).data.map((v) => domain(v, i)) }));
  const sizes = y.shape.map((dim) => (typeof dim === "number" ? dim : dim.times * shapes[0]![0]!));
  const c = noise(sizes, 99);
  const evaluateAt = (values: readonly NdArray[]) =>
    run(graph, { ...feeds, c, ...Object.fromEntries(values.map((value, i) => [`x${i}`, value])) });
  const inner = (a: NdArray, b: NdArray) => sumOver(a.data.length, (k) => a.data[k]! * b.data[k]!);

  const results = await evaluateAt(point);
  for (const [i, shape] of shapes.entries()) {
    const v = noise(shape, 1000 + i);
    const moved = (by: number) =>
      point.map((x, k) => (k === i ? { shape, data: x.data.map((value, j) => value + by * v.data[j]!) } : x));
    // The step as float32 holds it: x + hv is rounded.
    const up = (await evaluateAt(moved(h))).y!;
    const down = (await evaluateAt(moved(-h))).y!;
    const numeric = (inner(c, up) - inner(c, down)) / (2 * h);
    const gradient = results[`d${i}`]!;
    const size = Math.sqrt(inner(gradient, gradient));
    const difference = Math.abs(inner(gradient, v) - numeric);
    expect(Number.isFinite(size), `gradient ${i} is finite`).toBe(true);
    expect(
      difference,
      `input ${i}: ${inner(gradient, v)} against ${numeric} (|gradient| ${size})`,
    ).toBeLessThanOrEqual(tolerance.gradient.rtol * Math.max(Math.abs(numeric), size / 4) + 1e-5);
  }
}
