import { bug, SkySenseError } from "../core/error.ts";
import type { OnnxGraph, ValueSpec } from "../graph/onnx.ts";
import type { Weights } from "./weights.ts";

/** Where a graph runs. */
export type Device = "cpu" | "webgpu" | "cuda";

/** Numbers with a shape. float32, int64, or bool as bytes of 0 and 1; rows last index fastest. */
export interface HostTensor {
  data: Float32Array | BigInt64Array | Uint8Array;
  shape: readonly number[];
}

export interface CompileOptions {
  /** `auto` measures the devices once on this machine and remembers; default: `auto`. */
  device?: Device | "auto";
  /** Values of the graph's parameters. Without them, parameters are fed like inputs. */
  weights?: Weights;
  /**
   * Make the weights constants of the graph: runs are 2 to 12 % faster on large batches and nearly twice as fast on a
   * few rows, but the session takes seconds longer to make and twice the memory of the weights. On a GPU they always
   * are, since inputs would be sent there at every run.
   */
  constantWeights?: boolean;
}

/** A compiled graph. */
export interface Session {
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  readonly device: Device;
  /**
   * Compute the outputs. Feeds are copied before the call returns: their arrays stay yours and may be reused at once
   * (a view costs only its own part; SharedArrayBuffers are fine). Outputs are fresh arrays that belong to the caller.
   *
   * Runs queue up: start the next one while one computes, and the device never waits. An aborted run that has not
   * begun is taken out of the queue; one that has begun computes to its end in the background.
   *
   * @throws SkySenseError `OUT_OF_MEMORY` | `DEVICE_LOST`; the signal's reason when it is aborted
   */
  run(
    feeds: Readonly<Record<string, HostTensor>>,
    options?: { signal?: AbortSignal },
  ): Promise<Record<string, HostTensor>>;
  /** Free the memory; another `run` compiles again. */
  release(): Promise<void>;
}

/** Compiles graphs and keeps the sessions. */
export interface Runtime {
  /**
   * Make a session, or return the one made before for the same graph, weights and device.
   * @throws SkySenseError `MISSING_WEIGHT` | `WRONG_WEIGHT` | `DEVICE_UNAVAILABLE` | `OUT_OF_MEMORY`
   */
  compile(graph: OnnxGraph, options?: CompileOptions): Promise<Session>;
  /** Finish the runs that were begun, free all sessions and end the thread; the runtime can be used again. */
  release(): Promise<void>;
}

/**
 * Check that the table has every parameter of the graph in the graph's shape.
 * @throws SkySenseError `MISSING_WEIGHT` | `WRONG_WEIGHT`
 */
export function checkWeights({ parameters }: OnnxGraph, weights: Weights): void {
  const missing = parameters.filter(({ name }) => !weights.entries.has(name)).map(({ name }) => name);
  if (missing.length > 0) {
    const rest = missing.length > 3 ? ` and ${missing.length - 3} more` : "";
    throw new SkySenseError({
      code: "MISSING_WEIGHT",
      what: `${missing.length} of ${parameters.length} weights are missing: ${missing.slice(0, 3).join(", ")}${rest}`,
      where: weights.name,
      remedy: "Use weights of this architecture, or change the configuration to that of the weights.",
    });
  }
  for (const { name, shape } of parameters) {
    const stored = weights.entries.get(name)!.shape;
    if (stored.length === shape.length && stored.every((size, axis) => size === shape[axis])) continue;
    throw new SkySenseError({
      code: "WRONG_WEIGHT",
      what: `"${name}" has the shape [${stored}], the model needs [${shape}]`,
      where: weights.name,
      remedy: "Use weights of this architecture, or change the configuration to that of the weights.",
    });
  }
}

/** Sizes of symbolic dimensions by name. */
export type Bindings = Map<string, number>;

const arrays = { float32: Float32Array, int64: BigInt64Array, bool: Uint8Array } as const;

/** An array for a value of this type. */
export function allocate(dtype: ValueSpec["dtype"], shape: readonly number[]): HostTensor["data"] {
  return new arrays[dtype](shape.reduce((product, size) => product * size, 1));
}

/**
 * Check feeds against what the graph wants, and find the sizes of its symbolic dimensions.
 * @throws Error `internal: …`: callers check what comes from outside before it gets here
 */
export function bindFeeds(
  specs: readonly ValueSpec[],
  feeds: Readonly<Record<string, Pick<HostTensor, "data" | "shape">>>,
): Bindings {
  const bindings: Bindings = new Map();
  for (const { name, dtype, shape } of specs) {
    const feed = feeds[name];
    if (feed === undefined)
      throw bug(`the graph needs "${name}", fed: ${Object.keys(feeds).join(", ") || "nothing"}`);
    const wanted = `"${name}" must be ${dtype} [${shape}], got ${feed.data.constructor.name} [${feed.shape}]`;
    const elements = feed.shape.reduce((product, size) => product * size, 1);
    if (!(feed.data instanceof arrays[dtype]) || feed.shape.length !== shape.length) throw bug(wanted);
    if (feed.data.length !== elements) throw bug(`${wanted} with ${feed.data.length} values`);
    for (const [axis, size] of feed.shape.entries()) {
      if (!bindDim(shape[axis]!, size, bindings)) throw bug(`${wanted}${describe(bindings)}`);
    }
  }
  const extra = Object.keys(feeds).find((name) => !specs.some((spec) => spec.name === name));
  if (extra !== undefined) throw bug(`the graph has no input "${extra}"`);
  return bindings;
}

const describe = (bindings: Bindings) => [...bindings].map(([name, size]) => `, ${name} = ${size}`).join("");

/** The graph writes multiples of a symbolic size as "batch_x4". */
function parseDim(dim: string): { symbol: string; times: number } {
  const [, symbol, times] = /^(.*)_x(\d+)$/.exec(dim) ?? [];
  return symbol === undefined ? { symbol: dim, times: 1 } : { symbol, times: Number(times) };
}

function bindDim(dim: number | string, size: number, bindings: Bindings): boolean {
  if (typeof dim === "number") return dim === size;
  const { symbol, times } = parseDim(dim);
  const known = bindings.get(symbol);
  if (known === undefined && size % times === 0) bindings.set(symbol, size / times);
  return bindings.get(symbol)! * times === size;
}

/** The shape with numbers in place of symbols; undefined if one of them is not bound. */
export function resolveShape(shape: ValueSpec["shape"], bindings: Bindings): number[] | undefined {
  const sizes: number[] = [];
  for (const dim of shape) {
    if (typeof dim === "number") sizes.push(dim);
    else {
      const { symbol, times } = parseDim(dim);
      const size = bindings.get(symbol);
      if (size === undefined) return undefined;
      sizes.push(size * times);
    }
  }
  return sizes;
}
