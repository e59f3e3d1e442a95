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
  /** [count, width]: its probability in percent, rounded. */
  confidence: Uint8Array<ArrayBuffer>;
}

/**
 * The class map of a field of scores that comes row by row: scores are interpolated bilinearly between the centres of
 * the cells (corners not aligned), then the highest is taken. Memory holds two rows of cells.
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
  let above: Float32Array | undefined;
  let cell = 0;
  let row = 0;
  for await (const piece of rows) {
    for (let at = 0; at < piece.length; at += line) {
      const here = piece.slice(at, at + line);
      // Pixels down to the centre of this row of cells lie between it and the one above.
      const end = cell === field.rows - 1 ? height : Math.min(height, Math.ceil(cell * stride + stride / 2));
      if (end > row) yield classify(row, end, { above: above ?? here, here, cell, across }, field);
      row = Math.max(row, end);
      above = here;
      cell++;
    }
  }
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
  { above, here, cell, across }: { above: Float32Array; here: Float32Array; cell: number; across: Taps },
  { columns, classes, stride, width }: ScoreField,
): ClassRows {
  const count = end - first;
  const labels = new Uint8Array(count * width);
  const confidence = new Uint8Array(count * width);
  const line = new Float32Array(above.length);
  const scores = new Float32Array(classes);
  const step = columns === 1 ? 0 : classes;
  for (let i = 0; i < count; i++) {
    const down = Math.min(Math.max((first + i + 0.5) / stride - 0.5 - (cell - 1), 0), 1);
    for (let k = 0; k < line.length; k++) line[k] = above[k]! + down * (here[k]! - above[k]!);
    for (let x = 0; x < width; x++) {
      const from = across.left[x]! * classes;
      const weight = across.weight[x]!;
      let best = 0;
      let top = Number.NEGATIVE_INFINITY;
      for (let k = 0; k < classes; k++) {
        const a = line[from + k]!;
        const score = a + weight * (line[from + step + k]! - a);
        scores[k] = score;
        if (score > top) {
          top = score;
          best = k;
        }
      }
      labels[i * width + x] = best;
      confidence[i * width + x] = Math.round(100 / sumOfPowers(scores, top));
    }
  }
  return { first, count, labels, confidence };
}

/** Σ exp(score − top); what is below a hundredth of a percent of the top adds nothing that is seen. */
function sumOfPowers(scores: Float32Array, top: number): number {
  let sum = 0;
  for (let k = 0; k < scores.length; k++) {
    const below = scores[k]! - top;
    if (below > -12) sum += Math.exp(below);
  }
  return sum;
}
