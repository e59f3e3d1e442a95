import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Place } from "../../core/place.ts";
import { createRandom } from "../../core/random.ts";
import { createLoader, type Loader, type LoaderOptions, type TrainingSample } from "./loader.node.ts";
import type { LoadedBatch } from "./make-batch.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-loader-"));
const file = (name: string) => join(folder, name);
let samples: TrainingSample[];

beforeAll(async () => {
  const random = createRandom(1);
  samples = await Promise.all(
    Array.from({ length: 30 }, async (_, i) => {
      const [width, height] = [20 + (i % 5), 24 - (i % 3)];
      const pixels = Uint8Array.from({ length: 3 * width * height }, () => random.integer(256));
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(file(`${i}.png`));
      return { id: `${i}.png`, labels: [i % 3], source: { files: [file(`${i}.png`)] } };
    }),
  );
  writeFileSync(file("damaged.png"), "no picture");
  await sharp(Buffer.alloc(400), { raw: { width: 20, height: 20, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toFile(file("grey.png"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const rgb = ["R", "G", "B"];
const options = (change: Partial<LoaderOptions> = {}): LoaderOptions => ({
  samples,
  classes: 3,
  batchSize: 8,
  seed: 5,
  recipe: {
    sensors: { hr: { size: 12, bands: rgb } },
    crop: { area: [0.4, 1] },
    flips: true,
    jitter: { brightness: 0.4, saturation: 0.4 },
  },
  ...change,
});

async function load(change: Partial<LoaderOptions>, indices: readonly number[]): Promise<LoadedBatch[]> {
  const loader = createLoader(options(change));
  const batches: LoadedBatch[] = [];
  for (const index of indices) batches.push(await loader.batch(index));
  await loader.close();
  return batches;
}

test("createLoader: labels and files belong to the images", async () => {
  const [batch] = await load({ workers: 0 }, [0]);
  for (const [i, id] of batch!.ids.entries()) {
    const label = Number.parseInt(id, 10) % 3;
    expect([...batch!.labels.subarray(3 * i, 3 * i + 3)]).toEqual([0, 1, 2].map((k) => (k === label ? 1 : 0)));
  }
});

function join2(parts: readonly LoadedBatch[]) {
  return {
    ids: parts.flatMap(({ ids }) => ids),
    labels: parts.flatMap(({ labels }) => [...labels]),
    data: parts.flatMap(({ stacks }) => [...stacks.hr!.data]),
  };
}

test.each([
  ["without mixing", undefined],
  ["with MixUp and CutMix", { mixUp: 1, cutMix: 1 }],
])("createLoader: three ranks together see the batches of one, %s", async (_, mix) => {
  const indices = [0, 4];
  // Shares of 3: pairs cross from rank to rank.
  const [one, ...ranks] = await Promise.all([
    load({ workers: 0, batchSize: 9, mix }, indices),
    ...[0, 1, 2].map((rank) => load({ workers: 0, batchSize: 9, mix, share: { rank, size: 3 } }, indices)),
  ]);
  for (const [k] of indices.entries()) {
    expect(join2(ranks.map((batches) => batches[k]!))).toEqual(join2([one![k]!]));
    expect(ranks.map((batches) => batches[k]!.samples)).toEqual([3, 3, 3]);
  }
});

test("createLoader: labels of mixed samples add up to one", async () => {
  const [batch] = await load({ workers: 0, mix: { mixUp: 0.4, cutMix: 1 } }, [0]);
  let mixed = 0;
  for (let i = 0; i < 8; i++) {
    const labels = batch!.labels.subarray(3 * i, 3 * i + 3);
    expect(labels[0]! + labels[1]! + labels[2]!).toBeCloseTo(1, 5);
    if (labels.some((share) => share > 0 && share < 1)) mixed++;
  }
  expect(mixed).toBeGreaterThan(2);
});

const damaged = (name = "damaged.png"): TrainingSample => ({
  id: name,
  labels: [0],
  source: { files: [file(name)] },
});

async function passOver(loader: Loader): Promise<LoadedBatch[]> {
  const batches: LoadedBatch[] = [];
  for (let index = 0; index < loader.batchesPerEpoch; index++) batches.push(await loader.batch(index));
  await loader.close();
  return batches;
}

test("createLoader: an unreadable file is replaced, counted and named", async () => {
  const loader = createLoader(
    options({ workers: 0, samples: [...samples.slice(0, 20), damaged(), ...samples.slice(20)] }),
  );
  const batches = await passOver(loader);
  expect(batches.map(({ samples }) => samples)).toEqual([8, 8, 8, 8]);
  expect(batches.flatMap(({ ids }) => ids)).not.toContain("damaged.png");
  expect(loader.failures).toEqual([{ id: "damaged.png", reason: expect.any(String) }]);
});

test("createLoader: a picture without colours among others in colour is left out with the reason", async () => {
  const loader = createLoader(options({ workers: 0, samples: [...samples, damaged("grey.png")] }));
  await passOver(loader);
  expect(loader.failures).toEqual([{ id: "grey.png", reason: expect.stringMatching(/band/) }]);
});

test("createLoader: over 5 % of unreadable files end the run", async () => {
  const gone = ["x.png", "y.png"].map((name) => damaged(name));
  const loader = createLoader(options({ workers: 0, samples: [...samples, ...gone] }));
  await expect(passOver(loader)).rejects.toMatchObject({
    code: "TOO_MANY_UNREADABLE",
    message: expect.stringMatching(
      /^2 of 32 samples cannot be used, more than 5 % \([xy].png: .*; [xy].png: .*\)\. /,
    ),
  });
  await loader.close();
});

test("createLoader: to evaluate, every sample once and in order, the last batch short, unreadable ones left out", async () => {
  const recipe = { sensors: { hr: { size: 12, bands: rgb } } };
  const some = [...samples.slice(0, 3), damaged(), ...samples.slice(3)];
  const loader = createLoader(options({ workers: 0, shuffle: false, recipe, samples: some }));
  const batches = await passOver(loader);
  expect(batches.flatMap(({ ids }) => ids)).toEqual(samples.map(({ id }) => id));
  expect(batches.map(({ samples }) => samples)).toEqual([7, 8, 8, 7]);
  const parts = await Promise.all(
    [0, 1].map((rank) =>
      passOver(createLoader(options({ workers: 0, shuffle: false, recipe, share: { rank, size: 2 } }))),
    ),
  );
  const ids = [0, 1, 2, 3].flatMap((k) => parts.flatMap((batches) => batches[k]!.ids));
  expect(ids).toEqual(samples.map(({ id }) => id));
});

test("createLoader: places in memory, of several sensors and unequal dates", async () => {
  const stack = (dates: number, bands: string[], side: number, value: number) => ({
    data: new Float32Array(dates * bands.length * side * side).fill(value),
    shape: [dates, bands.length, side, side] as const,
    bands,
    dates: Array.from({ length: dates }, (_, t) => `2023-0${t + 1}-01`),
  });
  const places: Place[] = [
    { hr: stack(1, rgb, 64, 1), s2: stack(3, ["B02", "B03"], 2, 1000), s1: stack(1, ["VV"], 2, -10) },
    { s2: { ...stack(1, ["B02", "B03"], 2, 2000), mask: Uint8Array.of(1, 1, 0, 1) } },
  ];
  const memory = places.map((place, i) => ({ id: `place ${i}`, labels: [], source: { place } }));
  const recipe = {
    sensors: {
      hr: { size: 64, bands: rgb },
      s2: { size: 2, bands: ["B02", "B03"] },
      s1: { size: 2, bands: ["VV"] },
    },
  };
  const loader = createLoader(
    options({ workers: 0, shuffle: false, samples: memory, classes: 0, batchSize: 2, recipe }),
  );
  const { stacks, labels } = await loader.batch(0);
  await loader.close();
  expect(labels).toHaveLength(0);
  expect(stacks.s2!.shape).toEqual([2, 3, 2, 2, 2]);
  expect([...stacks.s2!.present]).toEqual([1, 1, 1, 1, 0, 0]);
  expect([...stacks.s2!.mask!]).toEqual([...Array(12).fill(1), 1, 1, 0, 1, ...Array(8).fill(0)]);
  expect(stacks.s2!.dates).toEqual([
    ["2023-01-01", "2023-02-01", "2023-03-01"],
    ["2023-01-01", undefined, undefined],
  ]);
  expect([...stacks.hr!.present]).toEqual([1, 0]);
  expect(stacks.hr!.data.subarray(3 * 64 * 64).every((value) => value === 0)).toBe(true);
  expect(stacks.s1!.mask).toBeUndefined();
});

test("createLoader: a set smaller than a batch is taken again in another order", async () => {
  const [batch] = await load({ workers: 0, samples: samples.slice(0, 3), batchSize: 6 }, [0]);
  expect(batch!.ids.slice(0, 3).toSorted()).toEqual(["0.png", "1.png", "2.png"]);
  expect(batch!.ids.slice(3).toSorted()).toEqual(["0.png", "1.png", "2.png"]);
});

test("createLoader: an aborted signal ends the waiting, and the loader goes on", async () => {
  const loader = createLoader(options({ workers: 0 }));
  const waiting = loader.batch(0, { signal: AbortSignal.timeout(0) });
  await expect(waiting).rejects.toMatchObject({ name: "TimeoutError" });
  await expect(loader.batch(0, { signal: AbortSignal.abort("no more") })).rejects.toBe("no more");
  expect((await loader.batch(0)).samples).toBe(8);
  await loader.close();
});

test("createLoader: what cannot be divided or loaded is refused at once", () => {
  expect(() => createLoader(options({ samples: [] }))).toThrow("there is nothing to load");
  expect(() => createLoader(options({ batchSize: 9, share: { rank: 0, size: 2 } }))).toThrow(
    "a batch of 9 cannot be divided evenly among 2 processes. Choose a batch size",
  );
});
