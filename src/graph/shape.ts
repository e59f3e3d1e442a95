/** A multiple of the batch size, which is known only when the graph runs. */
export interface BatchDim {
  readonly symbol: string;
  readonly times: number;
}

/** One extent of a tensor: a number, or a multiple of a symbolic batch size. */
export type Dim = number | BatchDim;
export type Shape = readonly Dim[];

/** A symbolic batch size; `symbol` becomes the name of the ONNX dimension. */
export function batchDim(symbol = "batch"): BatchDim {
  return { symbol, times: 1 };
}

export function sameDim(a: Dim, b: Dim): boolean {
  if (typeof a === "number" || typeof b === "number") return a === b;
  return a.symbol === b.symbol && a.times === b.times;
}

export function timesDim(a: Dim, n: Dim): Dim {
  if (typeof a === "number" && typeof n === "number") return a * n;
  if (typeof n === "number") return { ...(a as BatchDim), times: (a as BatchDim).times * n };
  if (typeof a === "number") return { ...n, times: n.times * a };
  throw new TypeError("a shape has one symbolic dimension at most");
}

export function sumDims(dims: readonly Dim[]): Dim {
  const [first, ...rest] = dims;
  if (first === undefined) return 0;
  if (typeof first === "number") {
    return rest.reduce<number>((sum, dim) => {
      if (typeof dim !== "number") throw new TypeError("cannot add a symbolic to a fixed dimension");
      return sum + dim;
    }, first);
  }
  const times = rest.reduce<number>((sum, dim) => {
    if (typeof dim === "number" || dim.symbol !== first.symbol) throw new TypeError("cannot add unlike dimensions");
    return sum + dim.times;
  }, first.times);
  return { ...first, times };
}

/** Number of elements: a number, or a multiple of the batch size. */
export function sizeOf(shape: Shape): Dim {
  return shape.reduce<Dim>(timesDim, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => sameDim(dim, b[i]!));
}

/** "[batch·64,49,96]". */
export function formatShape(shape: Shape): string {
  return `[${shape.map(formatDim).join(",")}]`;
}

/** The name of a dimension in an ONNX file; multiples of the batch get a name of their own. */
export function formatDim(dim: Dim): string {
  if (typeof dim === "number") return String(dim);
  return dim.times === 1 ? dim.symbol : `${dim.symbol}·${dim.times}`;
}

/** NumPy's broadcasting; undefined where the shapes do not fit. */
export function broadcastShapes(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (sameDim(x, y) || y === 1) out.push(x);
    else if (x === 1) out.push(y);
    else return undefined;
  }
  return out;
}

/** An axis counted from the end when negative; checked. */
export function resolveAxis(axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(resolved) || resolved < 0 || resolved >= rank) {
    throw new RangeError(`axis ${axis} does not exist in a tensor of rank ${rank}`);
  }
  return resolved;
}

/** Symbolic extents as numbers, where the batch is known. */
export function fixedShape(shape: Shape, batch: number): number[] {
  return shape.map((dim) => (typeof dim === "number" ? dim : dim.times * batch));
}
