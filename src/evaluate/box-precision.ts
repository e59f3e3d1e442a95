import { bootstrap, type Interval } from "./bootstrap.ts";
import { type BoxImage, type ClassMatches, type MatchOptions, matchClass } from "./box-matches.ts";
import { meanOfNumbers } from "./confusion.ts";

/**
 * How precision over recall becomes one number. `voc07`: mean of the best precision at recall ≥ 0, 0.1 … 1; `area`:
 * area under the envelope (VOC from 2010 on); `coco`: mean of the envelope at 101 recalls.
 */
export type PrecisionRule = "voc07" | "area" | "coco";

/** A recall of exactly 0.3 counts at 0.3, whatever the division made of it. */
const slack = 1e-12;

/**
 * Average precision of one class; NaN without objects.
 *
 * @param outcomes  By falling score: 1 right, 0 wrong, −1 neither.
 * @param truths  Objects that there are to find.
 */
export function boxPrecision(outcomes: ArrayLike<number>, truths: number, rule: PrecisionRule): number {
  if (truths === 0) return Number.NaN;
  const { recall, envelope } = curve(outcomes, truths);
  if (rule === "area") {
    return recall.reduce((sum, r, i) => sum + (r - (recall[i - 1] ?? 0)) * envelope[i]!, 0);
  }
  const steps = rule === "voc07" ? 10 : 100;
  let sum = 0;
  for (let i = 0, at = 0; i <= steps; i++) {
    while (at < recall.length && recall[at]! < i / steps - slack) at++;
    sum += envelope[at] ?? 0;
  }
  return sum / (steps + 1);
}

/** Recall after each detection, and the best precision at that recall or a higher one. */
export function curve(outcomes: ArrayLike<number>, truths: number): { recall: number[]; envelope: number[] } {
  const recall: number[] = [];
  const envelope: number[] = [];
  let right = 0;
  for (const outcome of Array.from(outcomes)) {
    if (outcome < 0) continue;
    right += outcome;
    recall.push(right / truths);
    envelope.push(right / recall.length);
  }
  for (let i = envelope.length - 2; i >= 0; i--) envelope[i] = Math.max(envelope[i]!, envelope[i + 1]!);
  return { recall, envelope };
}

/** How a data set's published numbers are computed. */
export interface BoxProtocol extends Omit<MatchOptions, "iou"> {
  precision: PrecisionRule;
}

/** DIOR as SkySense reports it is `coco`, DIOR-R is `dota`; older papers on DIOR use `voc07` or `voc`. */
export const boxProtocols = {
  coco: { oriented: false, rule: "coco", perImage: 100, precision: "coco" },
  voc07: { oriented: false, rule: "voc", precision: "voc07" },
  voc: { oriented: false, rule: "voc", precision: "area" },
  dota: { oriented: true, rule: "voc", precision: "voc07" },
} as const satisfies Record<string, BoxProtocol>;

export interface ClassPrecision {
  /** Average precision at an overlap of 0.5; NaN without objects. */
  ap50: number;
  /** Mean over the overlaps 0.5, 0.55 … 0.95. */
  ap: number;
  /** Share of the objects found at an overlap of 0.5. */
  recall: number;
  truths: number;
  detections: number;
}

export interface BoxScores {
  /** Means over the classes that have objects. */
  map50: number;
  map: number;
  classes: ClassPrecision[];
  /** Classes without objects, which no mean counts. */
  absent: number;
  /** Detections without extent or with coordinates that are no numbers: dropped. */
  dropped: number;
  /** 95 % bootstrap over images. */
  interval: { map50: Interval };
}

const overlaps = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100);

/**
 * Mean average precision of detections on a whole set.
 *
 * @param options.classes  Number of classes.
 */
export function scoreBoxes(
  images: readonly BoxImage[],
  { classes, protocol, seed = 0 }: { classes: number; protocol: BoxProtocol; seed?: number },
): BoxScores {
  const kept = images.map((image) => ({ truth: image.truth, found: withExtent(image.found, protocol.oriented) }));
  const { precision, ...match } = protocol;
  const at = (iou: number) =>
    Array.from({ length: classes }, (_, label) => matchClass(kept, label, { ...match, iou }));
  const levels = overlaps.map(at);
  const precisionOf = ({ outcomes, truths }: ClassMatches) => boxPrecision(outcomes, sumOf(truths), precision);
  const perClass = levels[0]!.map((matches, label): ClassPrecision => {
    const truths = sumOf(matches.truths);
    const right = matches.outcomes.reduce((sum, outcome) => sum + Number(outcome === 1), 0);
    return {
      ap50: precisionOf(matches),
      ap: meanOfNumbers(levels.map((level) => precisionOf(level[label]!))).mean,
      recall: right / truths,
      truths,
      detections: matches.outcomes.length,
    };
  });
  const present = perClass.filter(({ truths }) => truths > 0);
  const { map50 } = bootstrap(
    images.length,
    (drawn) => ({
      map50: meanOfNumbers(levels[0]!.map((matches) => drawnPrecision(matches, drawn, precision))).mean,
    }),
    { seed, draws: 200 },
  );
  return {
    map50: meanOfNumbers(present.map(({ ap50 }) => ap50)).mean,
    map: meanOfNumbers(present.map(({ ap }) => ap)).mean,
    classes: perClass,
    absent: perClass.length - present.length,
    dropped: images.reduce((n, { found }, i) => n + found.scores.length - kept[i]!.found.scores.length, 0),
    interval: { map50 },
  };
}

/** Average precision with images drawn with repetition: what was right stays right. */
function drawnPrecision({ outcomes, images, truths }: ClassMatches, drawn: Int32Array, rule: PrecisionRule): number {
  const times = new Int32Array(truths.length);
  for (const image of drawn) times[image]!++;
  const repeated = Array.from(outcomes).flatMap((outcome, i) =>
    Array.from({ length: times[images[i]!]! }, () => outcome),
  );
  return boxPrecision(
    repeated,
    truths.reduce((sum, n, image) => sum + n * times[image]!, 0),
    rule,
  );
}

function withExtent(found: BoxImage["found"], oriented: boolean): BoxImage["found"] {
  const width = oriented ? 5 : 4;
  const rows = Array.from(found.scores.keys()).filter((i) => {
    const box = found.boxes.subarray(i * width, (i + 1) * width);
    const [w, h] = oriented ? [box[2]!, box[3]!] : [box[2]! - box[0]!, box[3]! - box[1]!];
    return w > 0 && h > 0 && box.every(Number.isFinite) && Number.isFinite(found.scores[i]!);
  });
  if (rows.length === found.scores.length) return found;
  return {
    boxes: Float32Array.from(rows.flatMap((i) => [...found.boxes.subarray(i * width, (i + 1) * width)])),
    labels: rows.map((i) => found.labels[i]!),
    scores: Float32Array.from(rows, (i) => found.scores[i]!),
  };
}

function sumOf(values: Int32Array): number {
  return values.reduce((a, b) => a + b, 0);
}
