import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { modulePath } from "../../core/worker.node.ts";
import { createLoader, type LoaderOptions, type TrainingSample } from "./loader.node.ts";
import type { LoadedBatch } from "./make-batch.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-loader-threads-"));
const file = (name: string) => join(folder, name);
let samples: TrainingSample[];

beforeAll(async () => {
  const random = createRandom(1);
  samples = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const [width, height] = [20 + (i % 5), 24 - (i % 3)];
      const pixels = Uint8Array.from({ length: 3 * width * height }, () => random.integer(256));
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(file(`${i}.png`));
      return { id: `${i}.png`, labels: [i % 3], source: { files: [file(`${i}.png`)] } };
    }),
  );
  writeFileSync(file("17.png"), "no picture");
});
afterAll(() => rmSync(folder, { recursive: true }));

const options = (change: Partial<LoaderOptions> = {}): LoaderOptions => ({
  samples,
  classes: 3,
  batchSize: 8,
  seed: 5,
  recipe: {
    sensors: { hr: { size: 12, bands: ["R", "G", "B"] } },
    crop: { area: [0.4, 1] },
    flips: true,
    jitter: { brightness: 0.4, saturation: 0.4 },
  },
  mix: { probability: 0.5, mixUp: 0.4, cutMix: 1 },
  ...change,
});

async function load(change: Partial<LoaderOptions>, indices: readonly number[]) {
  const loader = createLoader(options(change));
  const batches: LoadedBatch[] = [];
  for (const index of indices) batches.push(await loader.batch(index));
  await loader.close();
  return { batches, failures: loader.failures };
}

test("createLoader: the same batches with any number of threads, with and without a cache, from any start", async () => {
  const indices = Array.from({ length: 12 }, (_, i) => i);
  const reference = await load({ workers: 0, cacheBytes: 0 }, indices);
  expect(reference.failures).toEqual([{ id: "17.png", reason: expect.any(String) }]);
  for (const change of [{ workers: 0 }, { workers: 1 }, { workers: 2 }, { workers: 3, cacheBytes: 20_000 }]) {
    expect(await load(change, indices)).toEqual(reference);
  }
  const some = [5, 6, 2, 11];
  const { batches } = await load({ workers: 2 }, some);
  expect(batches).toEqual(some.map((index) => reference.batches[index]));
});

test("createLoader: unreadable files end the run at the same batch, however many threads work", async () => {
  for (const name of ["3.png", "9.png"]) writeFileSync(file(name), "no picture either");
  const ends: number[] = [];
  for (const workers of [0, 2]) {
    const loader = createLoader(options({ workers }));
    let index = 0;
    await expect(
      (async () => {
        for (; index < 100; index++) await loader.batch(index);
      })(),
    ).rejects.toMatchObject({
      code: "TOO_MANY_UNREADABLE",
      message: expect.stringMatching(
        /^3 of 40 samples cannot be used, more than 5 % \(.*\.png: .*\)\. Repair or remove/,
      ),
    });
    await loader.close();
    ends.push(index);
  }
  expect(ends[0]).toBe(ends[1]);
});

test("createLoader: memory is bounded: the loader works ahead by a few batches and no further", async () => {
  const side = 256;
  const big = options({ workers: 1, ahead: 2, batchSize: 16, mix: undefined });
  const loader = createLoader({
    ...big,
    samples: samples.slice(20),
    recipe: { sensors: { hr: { size: side, bands: ["R", "G", "B"] } } },
  });
  const batchBytes = 16 * 3 * side * side * 4;
  await loader.batch(0);
  const resident: number[] = [];
  for (let index = 1; index < 30; index++) {
    await loader.batch(index);
    resident.push(process.memoryUsage.rss());
  }
  await loader.close();
  const [early, late] = [Math.max(...resident.slice(3, 12)), Math.max(...resident.slice(-10))];
  expect(late - early).toBeLessThan(4 * batchBytes);
});

test("createLoader: a process ends although a loader was left open", () => {
  const program = `
    import { createLoader } from ${JSON.stringify(modulePath(import.meta.url, "./loader.node.ts"))};
    createLoader(${JSON.stringify({ ...options(), samples: samples.slice(0, 8) })});`;
  const ended = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect([ended.status, ended.stderr]).toEqual([0, ""]);
});
