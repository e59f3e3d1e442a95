/**
 * Index arithmetic of shifted windows (§1.5): which cell of a map goes where, which pairs of tokens may not see each
 * other, and the coordinates of the position bias. Pure numbers, no tensors.
 */

export interface WindowLayout {
  /** Side of a window. */
  window: number;
  /** Cell (row-major on the unpadded map) at each place of the window order; −1 where the map was padded. */
  cells: Int32Array;
  /** Number of windows; each holds window² tokens. */
  count: number;
  padded: boolean;
  /** Where windows mix regions: distinct masks [patterns, N, N] of 0 and −100, and each window's pattern. */
  mask: { patterns: Float32Array<ArrayBuffer>[]; patternOf: Int32Array } | undefined;
}

export interface WindowOptions {
  height: number;
  width: number;
  window: number;
  shift: number;
}

/** Rows and columns in the order in which windows hold them, after padding at the far ends and the cyclic shift. */
export function windowLayout({ height, width, window, shift }: WindowOptions): WindowLayout {
  const rows = Math.ceil(height / window);
  const columns = Math.ceil(width / window);
  const [paddedHeight, paddedWidth] = [rows * window, columns * window];
  const size = window * window;
  const count = rows * columns;
  const cells = new Int32Array(count * size);
  const regions = new Int32Array(count * size);
  for (let k = 0; k < cells.length; k++) {
    const [window_, token] = [Math.floor(k / size), k % size];
    // Position in the rolled map …
    const r = Math.floor(window_ / columns) * window + Math.floor(token / window);
    const c = (window_ % columns) * window + (token % window);
    regions[k] = 3 * regionOf(r, paddedHeight, window, shift) + regionOf(c, paddedWidth, window, shift);
    // … and where that came from: rolling by −shift moves row (r + shift) to r.
    const row = (r + shift) % paddedHeight;
    const column = (c + shift) % paddedWidth;
    cells[k] = row < height && column < width ? row * width + column : -1;
  }
  const padded = paddedHeight !== height || paddedWidth !== width;
  return { window, cells, count, padded, mask: shift > 0 ? attentionMask(regions, count, size) : undefined };
}

function regionOf(i: number, extent: number, window: number, shift: number): number {
  return i < extent - window ? 0 : i < extent - shift ? 1 : 2;
}

function attentionMask(regions: Int32Array, count: number, size: number): NonNullable<WindowLayout["mask"]> {
  const patterns: Float32Array<ArrayBuffer>[] = [];
  const known = new Map<string, number>();
  const patternOf = new Int32Array(count);
  for (let w = 0; w < count; w++) {
    const ids = regions.subarray(w * size, (w + 1) * size);
    const key = ids.join("");
    let pattern = known.get(key);
    if (pattern === undefined) {
      const mask = Float32Array.from({ length: size * size }, (_, k) =>
        ids[Math.floor(k / size)] === ids[k % size] ? 0 : -100,
      );
      pattern = patterns.push(mask) - 1;
      known.set(key, pattern);
    }
    patternOf[w] = pattern;
  }
  return { patterns, patternOf };
}

/** Where in the window order each cell of the map is: the inverse of {@link WindowLayout.cells}. */
export function inverseOrder(cells: Int32Array, length: number): Int32Array {
  const inverse = new Int32Array(length);
  for (let k = 0; k < cells.length; k++) if (cells[k]! >= 0) inverse[cells[k]!] = k;
  return inverse;
}

/**
 * Log-spaced offsets (row, column) of query minus key, [(2·window − 1)², 2], scaled by the pre-training window where
 * that is not 0: sign(u)·log₂(|u| + 1)/3 with u = 8·offset/(window − 1) (Liu et al. 2022, arXiv:2111.09883, eq. 4).
 */
export function coordinateTable(window: number, pretrained = 0): Float32Array<ArrayBuffer> {
  const span = (pretrained > 0 ? pretrained : window) - 1;
  const side = 2 * window - 1;
  const t = (offset: number) => {
    const u = (8 * offset) / span;
    return (Math.sign(u) * Math.log2(Math.abs(u) + 1)) / 3;
  };
  return Float32Array.from({ length: side * side * 2 }, (_, i) => {
    const entry = i >> 1;
    const offset = i % 2 === 0 ? Math.floor(entry / side) : entry % side;
    return t(offset - window + 1);
  });
}

/** Row of {@link coordinateTable} for each pair (query, key) of a window, [window⁴]. */
export function relativePositionIndex(window: number): Int32Array {
  const size = window * window;
  const side = 2 * window - 1;
  return Int32Array.from({ length: size * size }, (_, k) => {
    const [i, j] = [Math.floor(k / size), k % size];
    const rows = Math.floor(i / window) - Math.floor(j / window) + window - 1;
    const columns = (i % window) - (j % window) + window - 1;
    return rows * side + columns;
  });
}
