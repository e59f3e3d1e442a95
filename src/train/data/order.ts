import { createRandom } from "../../core/random.ts";

/** Which process this is, of how many that divide every batch among themselves. */
export interface Share {
  rank: number;
  size: number;
}

/**
 * The samples of a run, one after the other without end: every epoch is all of them in an order of its own, and batch k
 * holds positions k·B to (k + 1)·B. So a batch follows from seed and k alone, no sample is dropped at the end of an
 * epoch, and a set may be smaller than a batch.
 */
export interface SampleOrder {
  /** The sample at a position of the run. */
  at(position: number): number;
}

/** @param options.shuffle  false: every epoch in the given order */
export function sampleOrder({
  count,
  seed,
  shuffle,
}: {
  count: number;
  seed: number;
  shuffle: boolean;
}): SampleOrder {
  const orders = new Map<number, Uint32Array>();
  return {
    at(position) {
      if (!shuffle) return position % count;
      const epoch = Math.floor(position / count);
      let order = orders.get(epoch);
      if (order === undefined) {
        order = createRandom(seed, "order", epoch).shuffle(Uint32Array.from({ length: count }, (_, i) => i));
        if (orders.size > 3) orders.delete(orders.keys().next().value!);
        orders.set(epoch, order);
      }
      return order[position - epoch * count]!;
    },
  };
}

/** The part [from, to) of `length` that belongs to a rank; ranks come one after the other, as even as possible. */
export function shareOf(length: number, { rank, size }: Share): [from: number, to: number] {
  return [Math.floor((length * rank) / size), Math.floor((length * (rank + 1)) / size)];
}
