import type { Random } from "../../core/random.ts";

/** Boxes that a step of training looks at, as positions among all. */
export interface Sampled {
  positives: Int32Array<ArrayBuffer>;
  negatives: Int32Array<ArrayBuffer>;
}

/**
 * Draw boxes for training (mmdet's `RandomSampler`, specification §6.2): at most `positiveShare` of `count` that stand
 * for an object, and background for the rest, each at random and without repetition.
 *
 * @param objects  For each box: −1 left out, 0 background, i > 0 the object i − 1.
 */
export function sampleBoxes(
  objects: Int32Array,
  { count, positiveShare, random }: { count: number; positiveShare: number; random: Random },
): Sampled {
  const at = (keep: (object: number) => boolean) =>
    Int32Array.from([...objects.keys()].filter((i) => keep(objects[i]!)));
  const positives = draw(
    at((object) => object > 0),
    Math.floor(count * positiveShare),
    random,
  );
  const negatives = draw(
    at((object) => object === 0),
    count - positives.length,
    random,
  );
  return { positives, negatives };
}

/** At most `count` of the positions, in their order. */
function draw(positions: Int32Array<ArrayBuffer>, count: number, random: Random): Int32Array<ArrayBuffer> {
  if (positions.length <= count) return positions;
  return random.shuffle(positions).slice(0, count).sort();
}
