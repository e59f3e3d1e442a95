/** One connected region of a class map, as rings of corners of pixels. */
export interface Region {
  label: number;
  /** Of the region. */
  pixels: number;
  /**
   * [col, row, col, row, …] of each ring, not closed, corners only; the outer ring first, clockwise as a picture is
   * looked at, then holes, counterclockwise.
   */
  rings: Int32Array[];
}

/**
 * The regions of a class map [height, width]: pixels of one label that share an edge. Outlines run along the edges of
 * pixels, so that filling them gives the map again, pixel by pixel.
 *
 * @param options.skip       Labels that get no regions.
 * @param options.minPixels  Smaller regions are left out. Default 1.
 */
export function traceRegions(
  labels: Uint8Array,
  {
    width,
    height,
    skip = [],
    minPixels = 1,
  }: { width: number; height: number; skip?: readonly number[]; minPixels?: number },
): Region[] {
  const runs = connectRuns(labels, width, height);
  const regions = new Map<number, Region>();
  // Edges above pixels that a ring has passed.
  const passed = new Uint8Array(Math.ceil((width * height) / 8));
  const skipped = new Set(skip);
  for (let row = 0; row < height; row++) {
    for (let run = runs.rows[row]!; run < runs.rows[row + 1]!; run++) {
      const left = runs.starts[run]!;
      const label = labels[row * width + left]!;
      const root = runs.root(run);
      const pixels = runs.sizes[root]!;
      if (skipped.has(label) || pixels < minPixels) continue;
      const right = run + 1 < runs.rows[row + 1]! ? runs.starts[run + 1]! : width;
      for (let col = left; col < right; col++) {
        const at = row * width + col;
        if (row > 0 && labels[at - width] === label) continue;
        if (hasPassed(passed, at)) continue;
        const ring = traceRing(labels, { width, height, col, row, passed });
        // In the order of rows, the first ring of a region is its outer one.
        const region = regions.get(root);
        if (region === undefined) regions.set(root, { label, pixels, rings: [ring] });
        else region.rings.push(ring);
      }
    }
  }
  return [...regions.values()];
}

interface Runs {
  /** First column of each run; runs lie row by row. */
  starts: Int32Array;
  /** The first run of each row, and the end. */
  rows: Int32Array;
  /** Pixels of the region whose root a run is. */
  sizes: Int32Array;
  root(run: number): number;
}

/** Runs of one label in each row, joined where they touch one of the row above (union–find). */
function connectRuns(labels: Uint8Array, width: number, height: number): Runs {
  const { starts, rows } = findRuns(labels, width, height);
  const count = starts.length;
  const parent = Int32Array.from({ length: count }, (_, i) => i);
  const root = (run: number): number => {
    let top = run;
    while (parent[top] !== top) top = parent[top]!;
    for (let i = run; parent[i] !== top; ) [i, parent[i]] = [parent[i]!, top];
    return top;
  };
  const endOf = (run: number, row: number) => (run + 1 < rows[row + 1]! ? starts[run + 1]! : width);
  for (let row = 1; row < height; row++) {
    let above = rows[row - 1]!;
    for (let run = rows[row]!; run < rows[row + 1]!; run++) {
      const [left, right] = [starts[run]!, endOf(run, row)];
      while (endOf(above, row - 1) <= left) above++;
      for (let other = above; other < rows[row]! && starts[other]! < right; other++) {
        if (labels[(row - 1) * width + starts[other]!] !== labels[row * width + left]) continue;
        const [a, b] = [root(run), root(other)];
        parent[Math.max(a, b)] = Math.min(a, b);
      }
    }
  }
  const sizes = new Int32Array(count);
  for (let row = 0; row < height; row++) {
    for (let run = rows[row]!; run < rows[row + 1]!; run++) sizes[root(run)]! += endOf(run, row) - starts[run]!;
  }
  return { starts, rows, sizes, root };
}

function findRuns(labels: Uint8Array, width: number, height: number): { starts: Int32Array; rows: Int32Array } {
  const rows = new Int32Array(height + 1);
  for (let row = 0; row < height; row++) {
    let count = width > 0 ? 1 : 0;
    for (let at = row * width + 1; at < (row + 1) * width; at++) if (labels[at] !== labels[at - 1]) count++;
    rows[row + 1] = rows[row]! + count;
  }
  const starts = new Int32Array(rows[height]!);
  let run = 0;
  for (let row = 0; row < height; row++) {
    for (let col = 0; col < width; col++) {
      const at = row * width + col;
      if (col === 0 || labels[at] !== labels[at - 1]) starts[run++] = col;
    }
  }
  return { starts, rows };
}

/** East, south, west, north: one step, and the pixel at its right-hand side seen from its start. */
const steps = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;

/** Follow the edge of a region from the upper edge of a pixel on, with the region at the right hand. */
function traceRing(
  labels: Uint8Array,
  {
    width,
    height,
    col,
    row,
    passed,
  }: { width: number; height: number; col: number; row: number; passed: Uint8Array },
): Int32Array {
  const label = labels[row * width + col]!;
  const inside = (c: number, r: number) =>
    c >= 0 && r >= 0 && c < width && r < height && labels[r * width + c] === label;
  const corners: number[] = [];
  let [x, y, heading] = [col, row, 0];
  // A ring passes the edge above each of its pixels once; coming to one again, it is closed.
  while (heading !== 0 || pass(passed, y * width + x)) {
    const [dx, dy] = steps[heading]!;
    x += dx;
    y += dy;
    // The pixels ahead, at the right and at the left hand; y grows southward.
    const right = inside(x + Math.min(0, dx) + Math.min(0, -dy), y + Math.min(0, dy) + Math.min(0, dx));
    const left = inside(x + Math.min(0, dx) + Math.min(0, dy), y + Math.min(0, dy) + Math.min(0, -dx));
    if (right && !left) continue;
    corners.push(x, y);
    heading = right ? (heading + 3) % 4 : (heading + 1) % 4;
  }
  return Int32Array.from(corners);
}

function hasPassed(passed: Uint8Array, at: number): boolean {
  return ((passed[at >> 3]! >> (at & 7)) & 1) === 1;
}

/** Pass an edge; false if a ring has passed it before. */
function pass(passed: Uint8Array, at: number): boolean {
  const first = !hasPassed(passed, at);
  passed[at >> 3]! |= 1 << (at & 7);
  return first;
}
