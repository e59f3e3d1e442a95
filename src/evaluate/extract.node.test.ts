import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SkySenseError } from "../core/error.ts";
import type { Place } from "../core/place.ts";
import { extractVectors } from "./extract.node.ts";
import type { Extractor } from "./extractor.ts";
import type { Sample } from "./labelled-set.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "skysense-extract-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const unreadable = (id: string) =>
  new SkySenseError({ code: "RASTER_DAMAGED", what: "the file ends early", where: id });

/** Places of one number; those in `broken` cannot be read. */
function numbered(count: number, broken: readonly number[] = []): Sample[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `${i}.png`,
    labels: [0],
    split: undefined,
    stamp: async () => "1",
    async read(): Promise<Place> {
      if (broken.includes(i)) throw unreadable(`${i}.png`);
      return { hr: { data: Float32Array.of(i), shape: [1, 1, 1, 1], bands: ["R"] } };
    },
  }));
}

/** The number and its square; counts what it is asked. */
function squares({ refuse = -1 } = {}): Extractor & { asked: number } {
  return {
    name: "squares",
    parameters: 0,
    fingerprint: "squares",
    asked: 0,
    async extract(places) {
      const values = places.map(({ hr }) => hr!.data[0]!);
      if (values.includes(refuse)) throw new SkySenseError({ code: "MISSING_BANDS", what: "no B" });
      this.asked += places.length;
      return values.map((v) => Float32Array.of(v, v * v));
    },
  };
}

const options = (name: string) => ({ cache: join(root, name), reading: name });

test("extractVectors: a vector a sample, in order, and the second time from the cache", async () => {
  const extractor = squares();
  const first = await extractVectors(numbered(70), extractor, options("order"));
  expect([...first.vectors.data]).toEqual(Array.from({ length: 70 }, (_, i) => [i, i * i]).flat());
  expect([extractor.asked, first.vectors.dimensions]).toEqual([70, 2]);
  const progress: number[] = [];
  await extractVectors(numbered(72), extractor, {
    ...options("order"),
    onProgress: ({ done }) => progress.push(done),
  });
  expect([extractor.asked, progress]).toEqual([72, [72]]);
});

test("extractVectors: an interrupted run goes on where it stopped", async () => {
  const interrupt = new AbortController();
  const extractor = squares();
  const onProgress = ({ done }: { done: number }) => done === 64 && interrupt.abort(new Error("interrupted"));
  const cut = extractVectors(numbered(200), extractor, { ...options("cut"), signal: interrupt.signal, onProgress });
  await expect(cut).rejects.toThrow("interrupted");
  expect(extractor.asked).toBeLessThanOrEqual(96);
  const before = extractor.asked;
  const { vectors } = await extractVectors(numbered(200), extractor, options("cut"));
  expect([vectors.data.length, before >= 64, extractor.asked]).toEqual([400, true, 200]);
});

test("extractVectors: up to one in twenty may be unreadable, and they are named", async () => {
  const { skipped, samples, vectors } = await extractVectors(numbered(40, [3, 39]), squares(), options("skip"));
  expect(skipped).toEqual([
    { id: "3.png", reason: "the file ends early (3.png)." },
    { id: "39.png", reason: "the file ends early (39.png)." },
  ]);
  expect([samples.length, vectors.data.length, vectors.data[2 * 3]]).toEqual([38, 76, 4]);
});

test("extractVectors: more than one in twenty ends the call with the first reasons", async () => {
  const run = extractVectors(numbered(40, [3, 20, 39]), squares(), options("many"));
  await expect(run).rejects.toThrow(
    "3 of 40 items cannot be used, more than 5 %: the file ends early (3.png). · the file ends early (20.png). · " +
      "the file ends early (39.png).. Repair or remove them, or say what their files do not.",
  );
});

test("extractVectors: a place that the model cannot take is found in its batch and skipped", async () => {
  const { skipped, samples } = await extractVectors(numbered(40), squares({ refuse: 7 }), options("refuse"));
  expect([skipped, samples.length]).toEqual([[{ id: "7.png", reason: "no B." }], 39]);
});

test("extractVectors: vectors of another length and vectors that are no numbers are skipped", async () => {
  const odd: Extractor = {
    ...squares(),
    extract: async (places) =>
      places.map(({ hr }) => {
        const v = hr!.data[0]!;
        return v === 0 ? Float32Array.of(1) : Float32Array.of(v, v === 5 ? Number.NaN : v);
      }),
  };
  const { skipped, vectors } = await extractVectors(numbered(60), odd, options("odd"));
  expect(skipped.map(({ id }) => id)).toEqual(["0.png", "5.png"]);
  expect([skipped[0]!.reason, vectors.dimensions]).toEqual([
    "it has other sensors or bands than most items (0.png). Give all items of a set the same ones.",
    2,
  ]);
});

test("extractVectors: what is wrong with the run is no reason to skip", async () => {
  const full: Extractor = {
    ...squares(),
    extract: async () => {
      throw new SkySenseError({ code: "OUT_OF_MEMORY", what: "no memory" });
    },
  };
  await expect(extractVectors(numbered(100), full, options("memory"))).rejects.toThrow("no memory");
});
