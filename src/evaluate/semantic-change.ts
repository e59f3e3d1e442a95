import { bootstrap, type Interval } from "./bootstrap.ts";

/** What is counted on consecutive class maps of places: for SCS (Toker et al. 2022, DynamicEarthNet). */
export interface SemanticChangeCounts {
  classes: number;
  /** Pixels by whether they changed, in truth and as said. */
  binary: { found: number; falseAlarms: number; missed: number };
  /** Of pixels that changed in truth, the later class: [classes, classes], truth by row; rows without a class are left out. */
  confusion: Float64Array;
}

/** Scores of semantic change, 0 to 1. */
export interface SemanticChangeScores {
  /** (BC + SC) / 2; NaN where nothing changed. */
  scs: number;
  /** IoU of what changed, whatever into. */
  bc: number;
  /** Mean IoU of the later classes where something changed, over classes that truth has there. */
  sc: number;
}

/**
 * Count the pixels of the class maps of one place in the order of their dates; no pair crosses places.
 *
 * As in the published evaluation, a pixel without a class (`ignore`) is not removed from the binary counts: on one side
 * alone it is a change.
 *
 * @param truth, said  [pixels] of each date, classes from 0; `said` holds classes alone.
 */
export function countSemanticChange(
  truth: readonly Uint8Array[],
  said: readonly Uint8Array[],
  { classes, ignore = 255 }: { classes: number; ignore?: number },
): SemanticChangeCounts {
  const binary = { found: 0, falseAlarms: 0, missed: 0 };
  const confusion = new Float64Array(classes * classes);
  for (let t = 1; t < truth.length; t++) {
    const [before, after, saidBefore, saidAfter] = [truth[t - 1]!, truth[t]!, said[t - 1]!, said[t]!];
    for (let p = 0; p < after.length; p++) {
      const changed = before[p] !== after[p];
      const claimed = saidBefore[p] !== saidAfter[p];
      if (changed && claimed) binary.found++;
      else if (changed) binary.missed++;
      else if (claimed) binary.falseAlarms++;
      if (changed && after[p] !== ignore) confusion[after[p]! * classes + saidAfter[p]!]!++;
    }
  }
  return { classes, binary, confusion };
}

/** The counts of several places together. */
export function addSemanticChange(parts: readonly SemanticChangeCounts[], indices: ArrayLike<number>) {
  const { classes } = parts[0]!;
  const binary = { found: 0, falseAlarms: 0, missed: 0 };
  const confusion = new Float64Array(classes * classes);
  for (let i = 0; i < indices.length; i++) {
    const part = parts[indices[i]!]!;
    for (const key of ["found", "falseAlarms", "missed"] as const) binary[key] += part.binary[key];
    for (let k = 0; k < confusion.length; k++) confusion[k]! += part.confusion[k]!;
  }
  return { classes, binary, confusion } satisfies SemanticChangeCounts;
}

/** The scores of places together, and 95 % of them by drawing places anew. */
export function scoreSemanticChange(
  parts: readonly SemanticChangeCounts[],
  { seed }: { seed: number },
): SemanticChangeScores & { intervals: Record<keyof SemanticChangeScores, Interval> } {
  const of = (indices: ArrayLike<number>): Record<keyof SemanticChangeScores, number> => ({
    ...semanticChangeScores(addSemanticChange(parts, indices)),
  });
  const scores = of([...parts.keys()]);
  return { ...scores, intervals: bootstrap(parts.length, of, { seed }) };
}

/** From the counts of a whole test set; means over places are other numbers. */
export function semanticChangeScores({ classes, binary, confusion }: SemanticChangeCounts): SemanticChangeScores {
  const { found, falseAlarms, missed } = binary;
  const union = found + falseAlarms + missed;
  let [sum, count] = [0, 0];
  for (let k = 0; k < classes; k++) {
    let [row, column] = [0, 0];
    for (let j = 0; j < classes; j++) {
      row += confusion[k * classes + j]!;
      column += confusion[j * classes + k]!;
    }
    if (row === 0) continue;
    const hits = confusion[k * classes + k]!;
    sum += hits / (row + column - hits);
    count++;
  }
  const bc = union === 0 ? 0 : found / union;
  const sc = sum / count;
  return { scs: (bc + sc) / 2, bc, sc };
}
