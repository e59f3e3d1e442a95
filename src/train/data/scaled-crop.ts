import type { Random } from "../../core/random.ts";
import type { Crop } from "./geometry.ts";
import { cropMasks } from "./geometry.ts";
import { ignoredLabel, type LabelMap } from "./label-map.ts";

/** Crops of dense labels as mmseg cuts them: enlarge or shrink by a random factor, then cut a square of the size. */
export interface ScaledCropOptions {
  /** Factor, [min, max], drawn uniformly; below 1 more is seen than at full resolution. */
  scale: readonly [min: number, max: number];
  /** Draw again, up to ten times, while one class fills more than this share of what is labelled; mmseg: 0.75. */
  maxShare?: number;
}

type Box = Pick<Crop, "top" | "left" | "height" | "width">;

/**
 * Draw a square that has `side` pixels after scaling. It may be larger than the place, which is then to be filled up at
 * the right and the bottom.
 *
 * @param side   of the crop, in pixels of the coarsest sensor at a factor of 1
 */
export function chooseScaledCrop(
  random: Random,
  [height, width]: readonly [height: number, width: number],
  { side, labels, scale: [min, max], maxShare }: ScaledCropOptions & { side: number; labels?: LabelMap | undefined },
): Box {
  const length = Math.max(1, Math.round(side / (min + random.uniform() * (max - min))));
  const place = (space: number) => (space > length ? random.integer(space - length + 1) : 0);
  const draw = (): Box => ({ top: place(height), left: place(width), height: length, width: length });
  let box = draw();
  if (labels === undefined || maxShare === undefined) return box;
  for (let attempt = 1; attempt < 10 && largestShare(labels, box, height) > maxShare; attempt++) box = draw();
  return box;
}

/** Samples along a side: shares to a percent or two, at a cost that does not count. */
const samples = 64;

/** Share of the commonest class among what is labelled; 1 where nothing is. */
function largestShare({ data, height, width }: LabelMap, box: Box, unitHeight: number): number {
  const perUnit = height / unitHeight;
  const inside = {
    top: box.top,
    left: box.left,
    height: Math.min(box.height, unitHeight - box.top),
    width: Math.min(box.width, width / perUnit - box.left),
  };
  const crop = { ...inside, transpose: false, flipRows: false, flipColumns: false };
  const counts = new Int32Array(256);
  for (const label of cropMasks({ data, count: 1, height, width, perUnit }, crop, { size: samples }))
    counts[label]!++;
  counts[ignoredLabel] = 0;
  const labelled = counts.reduce((sum, count) => sum + count, 0);
  return labelled === 0 ? 1 : Math.max(...counts) / labelled;
}
