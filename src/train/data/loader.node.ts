import type { Worker } from "node:worker_threads";
import { SkySenseError } from "../../core/error.ts";
import { type PackedError, unpackError } from "../../core/thread-error.ts";
import { startWorker } from "../../core/worker.node.ts";
import type { PlaceFiles, PlaceSource } from "../../imagery/scene/place-source.node.ts";
import type { Recipe } from "./augment.ts";
import { type KeptPlace, keepPlace } from "./kept-place.ts";
import type { LabelSource } from "./label-map.ts";
import {
  type BatchSetup,
  type Failure,
  type LoadedBatch,
  type MadeBatch,
  makeBatch,
  orderOf,
  positionsOf,
} from "./make-batch.ts";
import type { MixOptions } from "./mix.ts";
import type { Share } from "./order.ts";
import { readSample } from "./read-sample.node.ts";

/** A labelled place to train on. */
export interface TrainingSample {
  /** Its name in messages: a file, mostly. */
  id: string;
  /** Classes that it belongs to, counted from 0; none for unlabelled places. */
  labels: readonly number[];
  source: PlaceSource;
  /** Classes of the pixels of its finest images; not for places in memory. */
  labelMap?: LabelSource | undefined;
}

export interface LoaderOptions {
  samples: readonly TrainingSample[];
  /** Width of the labels. */
  classes: number;
  /** Samples of a batch, over all processes. */
  batchSize: number;
  recipe: Recipe;
  /** Further recipes: every sample is seen in so many views more, as pre-training wants it. Default: none. */
  views?: readonly Recipe[];
  seed: number;
  /** MixUp and CutMix. */
  mix?: MixOptions;
  /** Default true: an endless run through ever new orders. false: every sample once, in order, for evaluation. */
  shuffle?: boolean;
  /** The part of every batch that this process takes. Default: all of it. */
  share?: Share;
  /** Threads. Default 1. With 0, or sources that are functions, the calling thread does the work. */
  workers?: number;
  /** Batches that are made or wait at the same time. Default two more than threads. */
  ahead?: number;
  /** Decoded images that are kept in memory, so that they are read once. Default 1 GiB; 0 keeps none. */
  cacheBytes?: number;
}

/** Batches by their number, made ahead of the one that is asked for. */
export interface Loader {
  /**
   * Batch `index`, counted from 0 over the whole run: it follows from the options and `index`, whatever was asked for
   * before, however many threads work and however fast. Ask in rising order, so that the next ones are there.
   *
   * @throws SkySenseError `TOO_MANY_UNREADABLE`: over 5 % of the samples so far unusable; `CANNOT_MIX`
   */
  batch(index: number, options?: { signal?: AbortSignal }): Promise<LoadedBatch>;
  /** Samples that could not be used up to the last batch given out. */
  readonly failures: readonly Failure[];
  /** Batches of one pass over the samples, rounded up. */
  readonly batchesPerEpoch: number;
  close(): Promise<void>;
}

/** What a thread is started with. Samples whose images came in memory stand in `places`, shared. */
export interface LoaderSetup {
  setup: BatchSetup;
  sources: readonly (PlaceFiles | undefined)[];
  labelMaps: readonly (LabelSource | undefined)[];
  places: readonly (KeptPlace | undefined)[];
}

export interface Job {
  ticket: number;
  index: number;
  kept: (readonly [sample: number, place: KeptPlace])[];
}

export type Reply = { ticket: number } & ({ made: MadeBatch } | { error: PackedError });

/** More than this share of unusable samples is a fault of the set, not of some files. */
const tolerated = 0.05;

/**
 * Load batches in threads of their own.
 *
 * An unusable sample is left out: while training another takes its place, so that batches keep their size.
 *
 * @throws SkySenseError `NO_SAMPLES` | `BAD_BATCH`: a batch cannot be divided evenly among the processes
 */
export function createLoader(options: LoaderOptions): Loader {
  const { samples, cacheBytes = 2 ** 30 } = options;
  const workers = samples.some(({ source }) => "read" in source) ? 0 : (options.workers ?? 1);
  const { ahead = workers + 2 } = options;
  const setup = check(options);
  const loaderSetup: LoaderSetup = {
    setup,
    sources: samples.map(({ source }) => ("files" in source ? source : undefined)),
    labelMaps: samples.map(({ labelMap }) => labelMap),
    places: samples.map(({ source }) => ("place" in source ? keepPlace(source.place) : undefined)),
  };
  const memory = createMemory(cacheBytes, loaderSetup);
  const makers =
    workers === 0
      ? [inThisThread(loaderSetup, samples, memory)]
      : Array.from({ length: workers }, () => inThread(loaderSetup, memory));
  const waiting = new Map<number, Promise<MadeBatch>>();
  const failures = new Map<string, Failure>();
  const last = setup.shuffle ? Number.POSITIVE_INFINITY : Math.ceil(samples.length / setup.batchSize) - 1;

  function request(index: number): Promise<MadeBatch> {
    let made = waiting.get(index);
    if (made === undefined) {
      made = makers[index % makers.length]!.make(index);
      made.catch(() => {}); // reported when the batch is asked for
      waiting.set(index, made);
    }
    return made;
  }
  return {
    batchesPerEpoch: Math.ceil(samples.length / setup.batchSize),
    get failures() {
      return [...failures.values()];
    },
    async batch(index, { signal } = {}) {
      signal?.throwIfAborted();
      for (const other of waiting.keys()) if (other < index || other >= index + ahead) waiting.delete(other);
      const made = request(index);
      for (let next = index + 1; next < index + ahead && next <= last; next++) request(next);
      const release = makers[index % makers.length]!.hold();
      try {
        const { batch, failures: failed } = await unlessAborted(made, signal);
        // Counted as batches are given out, so that the same batch ends the run whatever was made ahead.
        for (const failure of failed) failures.set(failure.id, failure);
        if (failures.size > tolerated * samples.length) throw tooMany([...failures.values()], samples.length);
        return batch;
      } finally {
        release();
        waiting.delete(index);
      }
    },
    async close() {
      waiting.clear();
      await Promise.all(makers.map((maker) => maker.close()));
    },
  };
}

function check(options: LoaderOptions): BatchSetup {
  const { samples, batchSize, shuffle = true, share = { rank: 0, size: 1 } } = options;
  if (samples.length === 0) {
    throw new SkySenseError({
      code: "NO_SAMPLES",
      what: "there is nothing to load",
      remedy: "Give at least one sample.",
    });
  }
  if (!Number.isInteger(batchSize) || batchSize < 1 || (shuffle && batchSize % share.size !== 0)) {
    throw new SkySenseError({
      code: "BAD_BATCH",
      what: `a batch of ${batchSize} cannot be divided evenly among ${share.size} processes`,
      remedy: "Choose a batch size that is a multiple of the number of processes.",
    });
  }
  const { classes, seed, recipe, views = [], mix } = options;
  const named = samples.map(({ id, labels }) => ({ id, labels }));
  return { samples: named, classes, batchSize, share, seed, shuffle, recipe, views, mix };
}

function tooMany(failures: readonly Failure[], count: number): SkySenseError {
  const named = failures.slice(0, 3).map(({ id, reason }) => `${id}: ${reason}`);
  return new SkySenseError({
    code: "TOO_MANY_UNREADABLE",
    what: `${failures.length} of ${count} samples cannot be used, more than ${tolerated * 100} %`,
    where: named.join("; ") + (failures.length > 3 ? "; …" : ""),
    remedy: "Repair or remove these files.",
  });
}

/** Decoded places, as many as fit: with orders that are random, dropping the oldest for new ones would gain nothing. */
interface Memory {
  get(sample: number): KeptPlace | undefined;
  /** Those of a batch's samples that are kept. */
  of(index: number): Job["kept"];
  add(fresh: MadeBatch["fresh"]): void;
}

function createMemory(maxBytes: number, { setup }: LoaderSetup): Memory {
  const kept = new Map<number, KeptPlace>();
  const order = orderOf(setup);
  let bytes = 0;
  return {
    get: (sample) => kept.get(sample),
    of(index) {
      const { needed } = positionsOf(index, setup);
      const samples = new Set<number>();
      for (let position = needed[0]; position < needed[1]; position++) samples.add(order.at(position));
      return [...samples].flatMap((sample) => (kept.has(sample) ? [[sample, kept.get(sample)!] as const] : []));
    },
    add(fresh) {
      for (const [sample, place] of fresh) {
        if (kept.has(sample) || bytes + place.bytes > maxBytes) continue;
        kept.set(sample, place);
        bytes += place.bytes;
      }
    },
  };
}

/** Whoever makes batches. */
interface Maker {
  make(index: number): Promise<MadeBatch>;
  /** Keep the process alive until the returned function is called. */
  hold(): () => void;
  close(): Promise<void>;
}

function inThisThread({ setup, places }: LoaderSetup, samples: readonly TrainingSample[], memory: Memory): Maker {
  const order = orderOf(setup);
  const reader = {
    kept: (sample: number) => places[sample] ?? memory.get(sample),
    read: (sample: number) => readSample(samples[sample]!.source, samples[sample]!.labelMap),
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    make(index) {
      const made = last.then(async () => {
        const { fresh, ...rest } = await makeBatch(index, setup, { reader, order });
        memory.add(fresh);
        return { fresh, ...rest };
      });
      last = made.catch(() => {});
      return made;
    },
    hold: () => () => {},
    close: async () => {},
  };
}

function inThread(loaderSetup: LoaderSetup, memory: Memory): Maker {
  const worker: Worker = startWorker(import.meta.url, "./loader.worker.node.ts", { workerData: loaderSetup });
  const open = new Map<number, { resolve: (made: MadeBatch) => void; reject: (error: unknown) => void }>();
  let tickets = 0;
  let held = 0;
  let lost: SkySenseError | undefined;
  const lose = (why: string, cause?: unknown) => {
    lost ??= new SkySenseError({
      code: "LOADER_LOST",
      what: `a thread that loads images ended unexpectedly: ${why}`,
      remedy: "Use a smaller batch or a smaller cache if memory was short; otherwise please report it.",
      cause,
    });
    for (const { reject } of open.values()) reject(lost);
    open.clear();
  };
  worker.on("error", (error) => lose(error.message, error));
  worker.on("exit", (code) => lose(`exit code ${code}`));
  worker.on("message", (reply: Reply) => {
    const job = open.get(reply.ticket);
    open.delete(reply.ticket);
    if ("error" in reply) job?.reject(unpackError(reply.error));
    else {
      memory.add(reply.made.fresh);
      job?.resolve(reply.made);
    }
  });
  // Only a batch that is waited for keeps the process alive. Last: listening to messages takes hold of it again.
  worker.unref();
  return {
    make: (index) =>
      new Promise((resolve, reject) => {
        if (lost !== undefined) throw lost;
        const ticket = tickets++;
        open.set(ticket, { resolve, reject });
        worker.postMessage({ ticket, index, kept: memory.of(index) } satisfies Job);
      }),
    hold() {
      if (held++ === 0) worker.ref();
      return () => {
        if (--held === 0) worker.unref();
      };
    },
    async close() {
      await worker.terminate();
    },
  };
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
