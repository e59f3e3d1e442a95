/**
 * What data-parallel training needs of the processes that share a run. Every process makes the same calls in the same
 * order; a lost process rejects the calls of the others. Arrays may be large: whoever sends them cuts them up.
 */
export interface Communicator {
  /** This process: 0 ≤ rank < size. Rank 0 logs and writes. */
  readonly rank: number;
  readonly size: number;
  /** Replace `values` by the sum over all processes; the same bits everywhere. */
  allReduce(values: Float32Array): Promise<void> | void;
  /** Replace `values` by those of rank 0. */
  broadcast(values: Float32Array): Promise<void> | void;
  /** Wait until all processes are here. */
  barrier(): Promise<void> | void;
}

/** One process alone: nothing to add, nothing to wait for. */
export const alone: Communicator = {
  rank: 0,
  size: 1,
  allReduce: () => {},
  broadcast: () => {},
  barrier: () => {},
};
