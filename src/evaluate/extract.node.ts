import { createHash } from "node:crypto";
import { join } from "node:path";
import { SkySenseError } from "../core/error.ts";
import type { Place } from "../core/place.ts";
import type { LongCall } from "../core/progress.ts";
import type { Extractor } from "./extractor.ts";
import type { Sample } from "./labelled-set.ts";
import type { Vectors } from "./standardise.ts";
import { openVectorStore } from "./vector-store.node.ts";

export interface ExtractOptions extends LongCall {
  /** Folder that keeps vectors between runs. */
  cache: string;
  /** Which set the samples are of and how they are read, as far as it changes what they hold. */
  reading: unknown;
}

export interface Extracted {
  /** Of the samples that could be used, in their order. */
  vectors: Vectors;
  samples: readonly Sample[];
  skipped: readonly { id: string; reason: string }[];
  /** While the next are read, in this run or the one that filled the cache; NaN: not measured. */
  imagesPerSecond: number;
}

const perBatch = 32;

/**
 * One vector a sample. What was computed before, by an interrupted run or another draw from the same set, comes from
 * the cache; a batch is read while the one before computes.
 *
 * Samples that cannot be used are skipped and named; more than one in twenty ends the call.
 * @throws SkySenseError `TOO_MANY_UNREADABLE`, and those of writing files
 */
export async function extractVectors(
  samples: readonly Sample[],
  extractor: Extractor,
  { cache, reading, signal, onProgress }: ExtractOptions,
): Promise<Extracted> {
  const keys = new Map<Sample, string>();
  for (const sample of samples) keys.set(sample, JSON.stringify([sample.id, await sample.stamp()]));
  const keyOf = (sample: Sample) => keys.get(sample)!;
  const store = await openVectorStore(join(cache, `${digest([extractor.fingerprint, reading])}.vectors`));
  const skips = countSkips(samples.length, signal);
  try {
    const missing = samples.filter((sample) => store.get(keyOf(sample)) === undefined);
    const found = samples.length - missing.length;
    let next = readBatch(missing.slice(0, perBatch), skips, signal);
    for (let i = 0; i < missing.length; i += perBatch) {
      const batch = await next;
      next = readBatch(missing.slice(i + perBatch, i + 2 * perBatch), skips, signal);
      next.catch(() => {}); // reported where it is awaited
      const began = performance.now();
      const vectors = await extractBatch(batch, extractor, skips, signal);
      const seconds = (performance.now() - began) / 1000 / batch.length;
      const dimensions = store.dimensions() || usualLength(vectors.map(({ vector }) => vector));
      const usable = vectors.filter((one) => !skips.skip(one.sample, flawOf(one, dimensions)));
      await store.append(
        usable.map(({ sample, vector }) => [keyOf(sample), vector] as const),
        i === 0 && missing.length > perBatch ? Number.NaN : seconds, // the first batch makes the sessions
      );
      const done = Math.min(samples.length, found + i + perBatch);
      onProgress?.({ phase: extractor.name, done, total: samples.length, unit: "images" });
    }
    const used = samples.filter((sample) => !skips.reasons.has(sample));
    const dimensions = store.dimensions();
    const data = new Float32Array(used.length * dimensions);
    for (const [i, sample] of used.entries()) data.set(store.get(keyOf(sample))!, i * dimensions);
    return {
      samples: used,
      vectors: { data, dimensions },
      skipped: [...skips.reasons].map(([{ id }, reason]) => ({ id, reason })),
      imagesPerSecond: 1 / store.seconds(used.map(keyOf)),
    };
  } finally {
    await store.close();
  }
}

interface Skips {
  reasons: ReadonlyMap<Sample, string>;
  /** Leave a sample out for what is wrong with it, if anything; true: left out. Throws what is wrong with the run. */
  skip(sample: Sample, error: unknown): boolean;
}

function countSkips(total: number, signal: AbortSignal | undefined): Skips {
  const reasons = new Map<Sample, string>();
  return {
    reasons,
    skip(sample, error) {
      if (error === undefined) return false;
      if (!aboutSample(error) || signal?.aborted) throw error;
      reasons.set(sample, error.message);
      if (reasons.size > total / 20) throw tooMany([...reasons.values()], total, error);
      return true;
    },
  };
}

interface Read {
  sample: Sample;
  place: Place;
}

interface Found {
  sample: Sample;
  vector: Float32Array;
}

async function readBatch(batch: readonly Sample[], skips: Skips, signal: AbortSignal | undefined): Promise<Read[]> {
  const places: Read[] = [];
  for (const sample of batch) {
    signal?.throwIfAborted();
    try {
      places.push({ sample, place: await sample.read({ signal }) });
    } catch (error) {
      skips.skip(sample, error);
    }
  }
  return places;
}

async function extractBatch(
  batch: readonly Read[],
  extractor: Extractor,
  skips: Skips,
  signal: AbortSignal | undefined,
): Promise<Found[]> {
  try {
    const places = batch.map(({ place }) => place);
    const vectors = await extractor.extract(places, { signal });
    return batch.map(({ sample }, i) => ({ sample, vector: vectors[i]! }));
  } catch (error) {
    if (!aboutSample(error)) throw error;
    if (batch.length === 1) {
      skips.skip(batch[0]!.sample, error);
      return [];
    }
    // One place may have other sensors or bands than the model takes: find it.
    const found: Found[] = [];
    for (const one of batch) found.push(...(await extractBatch([one], extractor, skips, signal)));
    return found;
  }
}

/** The length that most vectors have; 0 of none. */
export function usualLength(vectors: readonly Float32Array[]): number {
  const counts = new Map<number, number>([[0, 0]]);
  for (const vector of vectors) counts.set(vector.length, (counts.get(vector.length) ?? 0) + 1);
  return [...counts].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

/** Errors that concern the whole run, whichever sample was at hand. */
const aboutRun = new Set(["OUT_OF_MEMORY", "DEVICE_LOST", "DEVICE_UNAVAILABLE", "DISK_FULL", "NOT_WRITABLE"]);

/** Is it the fault of one place, which can be left out? */
export function aboutSample(error: unknown): error is SkySenseError {
  return error instanceof SkySenseError && !aboutRun.has(error.code);
}

function flawOf({ vector, sample: { id } }: Found, dimensions: number): SkySenseError | undefined {
  if (vector.length !== dimensions) {
    return new SkySenseError({
      code: "OTHER_BANDS",
      what: "it has other sensors or bands than most items",
      where: id,
      remedy: "Give all items of a set the same ones.",
    });
  }
  if (vector.every(Number.isFinite)) return undefined;
  return new SkySenseError({
    code: "NOTHING_VALID",
    what: "its features are not finite: no pixel is valid, or the model is broken",
    where: id,
    remedy: "Look at the image; nodata may be declared wrongly.",
  });
}

function tooMany(reasons: readonly string[], total: number, cause: SkySenseError): SkySenseError {
  return new SkySenseError({
    code: "TOO_MANY_UNREADABLE",
    what: `${reasons.length} of ${total} items cannot be used, more than 5 %: ${reasons.slice(0, 3).join(" · ")}`,
    remedy: "Repair or remove them, or say what their files do not.",
    cause,
  });
}

function digest(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
