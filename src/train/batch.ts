import type { HostTensor } from "../runtime/session.ts";

/** What one run of a training graph is fed, and where it came from. */
export interface Batch {
  /** The graph's inputs by name. */
  feeds: Readonly<Record<string, HostTensor>>;
  /** How many samples it holds. */
  samples: number;
  /** The files it came from: named when its numbers are bad. */
  files: readonly string[];
}

/**
 * Batches of a run by their number, the same whenever they are asked for: a resumed run goes on in the middle of an
 * epoch without a state to restore. Epochs, order and augmentation follow from the seed and `index` alone.
 */
export interface BatchSource {
  /**
   * Batch `index` of this process, counted from 0 over the whole run; with several processes each has a source of its
   * own share. Asked for in rising order, so that the source may work ahead.
   */
  batch(index: number, options?: { signal?: AbortSignal }): Promise<Batch>;
  /** Stop working ahead. */
  close?(): Promise<void> | void;
}
