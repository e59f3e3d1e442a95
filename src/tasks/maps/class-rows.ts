/** A field of class scores: [rows, columns, classes] at every `stride`-th pixel. */
export interface ScoreField {
  rows: number;
  columns: number;
  classes: number;
  /** Pixels of the class map along a side of a cell. */
  stride: number;
  /** Of the class map, at most `stride` times the field. */
  width: number;
  height: number;
}

/** Some rows of a class map. */
export interface ClassRows {
  /** The first row, and how many. */
  first: number;
  count: number;
  /** [count, width]: the class with the highest score. */
  labels: Uint8Array<ArrayBuffer>;
  /** [count, width]: its probability in percent, rounded; interpolated as the scores are. */
  confidence: Uint8Array<ArrayBuffer>;
}

/**
 * The class map of a field of scores that comes row by row: scores are interpolated bilinearly between the centres of
 * the cells (corners not aligned), then the highest is taken. Memory holds two rows of cells.
 *
 * A class that has the highest score in all four cells around a pixel has it at the pixel, too: only where these
 * differ, scores are interpolated at all.
 *
 * @param rows  Rows of cells in order, each piece [some, columns, classes].
 */
export async function* classRows(
  rows: AsyncIterable<Float32Array> | Iterable<Float32Array>,
  field: ScoreField,
): AsyncGenerator<ClassRows> {
  const { columns, classes, stride, height } = field;
  const line = columns * classes;
  const across = columnTaps(field);
  let above: CellRow | undefined;
  let cell = 0;
  let row = 0;
  for await (const piece of rows) {
    for (let at = 0; at < piece.length; at += line) {
      const here = cellRow(piece.slice(at, at + line), field);
      // Pixels down to the centre of this row of cells lie between it and the one above.
      const end = cell === field.rows - 1 ? height : Math.min(height, Math.ceil(cell * stride + stride / 2));
      if (end > row) yield classify(row, end, { above: above ?? here, here, cell, across }, field);
      row = Math.max(row, end);
      above = here;
      cell++;
    }
  }
}

/** One row of cells. */
interface CellRow {
  /** [columns, classes]. */
  scores: Float32Array;
  probabilities: Float32Array;
  /** Of each cell: its class, and how probable that is. */
  best: Uint8Array;
  top: Float32Array;
}

function cellRow(scores: Float32Array, { columns, classes }: ScoreField): CellRow {
  const probabilities = new Float32Array(scores.length);
  const best = new Uint8Array(columns);
  const top = new Float32Array(columns);
  for (let c = 0; c < columns; c++) {
    const from = c * classes;
    for (let k = 1; k < classes; k++) if (scores[from + k]! > scores[from + best[c]!]!) best[c] = k;
    const most = scores[from + best[c]!]!;
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += probabilities[from + k] = Math.exp(scores[from + k]! - most);
    for (let k = 0; k < classes; k++) probabilities[from + k]! /= sum;
    top[c] = 1 / sum;
  }
  return { scores, probabilities, best, top };
}

interface Taps {
  left: Int32Array;
  /** Of the cell at the right of `left`. */
  weight: Float32Array;
}

function columnTaps({ columns, stride, width }: ScoreField): Taps {
  const left = new Int32Array(width);
  const weight = new Float32Array(width);
  for (let x = 0; x < width; x++) {
    const at = Math.min(Math.max((x + 0.5) / stride - 0.5, 0), columns - 1);
    left[x] = Math.min(Math.floor(at), Math.max(0, columns - 2));
    weight[x] = at - left[x]!;
  }
  return { left, weight };
}

function classify(
  first: number,
  end: number,
  { above, here, cell, across }: { above: CellRow; here: CellRow; cell: number; across: Taps },
  { columns, classes, stride, width }: ScoreField,
): ClassRows {
  const count = end - first;
  const labels = new Uint8Array(count * width);
  const confidence = new Uint8Array(count * width);
  const step = columns === 1 ? 0 : 1;
  // Is the class of a cell that of its neighbours at the right, below and across, too?
  const agreed = Uint8Array.from({ length: columns }, (_, c) => {
    const right = Math.min(c + step, columns - 1);
    const label = above.best[c];
    return label === above.best[right] && label === here.best[c] && label === here.best[right] ? 1 : 0;
  });
  const top = new Float32Array(columns);
  for (let i = 0; i < count; i++) {
    const down = Math.min(Math.max((first + i + 0.5) / stride - 0.5 - (cell - 1), 0), 1);
    for (let c = 0; c < columns; c++) top[c] = above.top[c]! + down * (here.top[c]! - above.top[c]!);
    for (let x = 0; x < width; x++) {
      const c = across.left[x]!;
      const weight = across.weight[x]!;
      const at = i * width + x;
      if (agreed[c] === 1) {
        labels[at] = above.best[c]!;
        confidence[at] = 100 * (top[c]! + weight * (top[c + step]! - top[c]!)) + 0.5;
        continue;
      }
      const corner = { from: c * classes, to: (c + step) * classes, down, weight };
      const label = highest(above.scores, here.scores, corner, classes);
      labels[at] = label;
      confidence[at] = 100 * interpolated(above.probabilities, here.probabilities, corner, label) + 0.5;
    }
  }
  return { first, count, labels, confidence };
}

/** Where a pixel lies between four cells: offsets of the left and the right ones, and weights of the farther ones. */
interface Corner {
  from: number;
  to: number;
  down: number;
  weight: number;
}

function interpolated(above: Float32Array, here: Float32Array, corner: Corner, k: number): number {
  const { from, to, down, weight } = corner;
  const left = above[from + k]! + down * (here[from + k]! - above[from + k]!);
  const right = above[to + k]! + down * (here[to + k]! - above[to + k]!);
  return left + weight * (right - left);
}

function highest(above: Float32Array, here: Float32Array, corner: Corner, classes: number): number {
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let k = 0; k < classes; k++) {
    const score = interpolated(above, here, corner, k);
    if (score <= most) continue;
    most = score;
    best = k;
  }
  return best;
}
