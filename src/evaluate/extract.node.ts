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
  /** Reading and computing together, in this run or the one that filled the cache; NaN: not measured. */
  imagesPerSecond: number;
}

type Read = { sample: Sample; place: Place };

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
  const name = createHash("sha256")
    .update(JSON.stringify([extractor.fingerprint, reading]))
    .digest("hex");
  const store = await openVectorStore(join(cache, `${name.slice(0, 16)}.vectors`));
  const skipped = new Map<Sample, string>();
  const skip = (sample: Sample, error: unknown) => {
    if (!aboutSample(error) || signal?.aborted) throw error;
    skipped.set(sample, error.message);
    if (skipped.size > samples.length / 20) throw tooMany([...skipped.values()], samples.length, error);
  };
  const read = async (batch: readonly Sample[]): Promise<Read[]> => {
    const places: Read[] = [];
    for (const sample of batch) {
      signal?.throwIfAborted();
      try {
        places.push({ sample, place: await sample.read({ signal }) });
      } catch (error) {
        skip(sample, error);
      }
    }
    return places;
  };
  const extract = async (batch: readonly Read[]): Promise<[Sample, Float32Array][]> => {
    const places = batch.map(({ place }) => place);
    const vectors = await extractor.extract(places, { signal });
    return batch.map(({ sample }, i) => [sample, vectors[i]!]);
  };
  const extractEach = async (batch: readonly Read[]) => {
    const found: [Sample, Float32Array][] = [];
    for (const one of batch) {
      try {
        found.push(...(await extract([one])));
      } catch (error) {
        skip(one.sample, error);
      }
    }
    return found;
  };
  try {
    const keys = new Map<Sample, string>();
    for (const sample of samples) keys.set(sample, JSON.stringify([sample.id, await sample.stamp()]));
    const missing = samples.filter((sample) => store.get(keys.get(sample)!) === undefined);
    let done = samples.length - missing.length;
    let began = performance.now();
    let next = read(missing.slice(0, perBatch));
    for (let i = 0; i < missing.length; i += perBatch) {
      const batch = await next;
      next = read(missing.slice(i + perBatch, i + 2 * perBatch));
      next.catch(() => {}); // reported where it is awaited
      // Where a batch fails, one place may have other sensors or bands than the model takes: find it.
      const found = await extract(batch).catch((error) => {
        if (!aboutSample(error)) throw error;
        return extractEach(batch);
      });
      const now = performance.now();
      const seconds = (now - began) / 1000 / batch.length;
      began = now;
      const dimensions = store.dimensions() || found[0]?.[1].length;
      const usable = found.filter(([sample, vector]) => {
        const flaw = flawOf(vector, dimensions, sample);
        if (flaw !== undefined) skip(sample, flaw);
        return flaw === undefined;
      });
      await store.append(
        usable.map(([sample, vector]) => [keys.get(sample)!, vector] as const),
        i === 0 && missing.length > perBatch ? Number.NaN : seconds, // the first batch makes the sessions
      );
      done += Math.min(perBatch, missing.length - i);
      onProgress?.({ phase: extractor.name, done, total: samples.length, unit: "images" });
    }
    const used = samples.filter((sample) => !skipped.has(sample));
    const dimensions = store.dimensions();
    const data = new Float32Array(used.length * dimensions);
    for (const [i, sample] of used.entries()) data.set(store.get(keys.get(sample)!)!, i * dimensions);
    return {
      samples: used,
      vectors: { data, dimensions },
      skipped: [...skipped].map(([{ id }, reason]) => ({ id, reason })),
      imagesPerSecond: 1 / store.seconds(used.map((sample) => keys.get(sample)!)),
    };
  } finally {
    await store.close();
  }
}

/** Errors that concern the whole run, whichever sample was at hand. */
const aboutRun = new Set(["OUT_OF_MEMORY", "DEVICE_LOST", "DEVICE_UNAVAILABLE", "DISK_FULL", "NOT_WRITABLE"]);

function aboutSample(error: unknown): error is SkySenseError {
  return error instanceof SkySenseError && !aboutRun.has(error.code);
}

function flawOf(vector: Float32Array, dimensions: number | undefined, { id }: Sample): SkySenseError | undefined {
  if (vector.length !== dimensions) {
    return new SkySenseError({
      code: "OTHER_BANDS",
      what: "it has other sensors or bands than the first item",
      where: id,
      remedy: "Give a set its bands alike.",
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
