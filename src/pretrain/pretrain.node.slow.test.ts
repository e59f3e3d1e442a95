import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { sumOver } from "../../test/support/arrays.ts";
import { threadOfRanks } from "../../test/support/training-jobs.ts";
import type { ImageStack, Place } from "../core/place.ts";
import { createRandom } from "../core/random.ts";
import { loadModel } from "../embed/load-model.node.ts";
import { modelBands } from "../imagery/sensor/profiles.ts";
import { initialise } from "../model/initialise.ts";
import type { Weights } from "../runtime/weights.ts";
import type { UnlabelledPlace } from "./batches.node.ts";
import { pretrainTree } from "./graph.ts";
import { type PretrainOptions, pretrain } from "./pretrain.node.ts";

const root = mkdtempSync(join(tmpdir(), "skysense-pretrain-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const imageLevel = { image: 1, object: 0, pixel: 0, align: 0 } as const;
const fresh = () => join(root, `run-${folders++}`);

/** Smooth ground whose colours and grain differ from place to place. */
function stack(
  seed: number,
  { dates, bands, side, scale }: { dates: number; bands: string[]; side: number; scale: number },
): ImageStack {
  const random = createRandom(seed, "ground");
  const waves = bands.map(() => [1 + 5 * random.uniform(), 1 + 5 * random.uniform(), random.uniform()] as const);
  const data = new Float32Array(dates * bands.length * side * side);
  for (let i = 0; i < data.length; i++) {
    const [x, y] = [i % side, Math.floor(i / side) % side];
    const [a, b, c] = waves[Math.floor(i / side ** 2) % bands.length]!;
    data[i] = Math.round(
      scale * (c + 0.4 * Math.sin((a * x) / side) * Math.cos((b * y) / side) + 0.1 * random.uniform()),
    );
  }
  const known = Array.from({ length: dates }, (_, t) => `2021-0${1 + t}-15`);
  return { data, shape: [dates, bands.length, side, side], bands, dates: known };
}

const hr = (seed: number) => stack(seed, { dates: 1, bands: ["R", "G", "B"], side: 96, scale: 150 });
const s2 = (seed: number, dates: number) =>
  stack(seed, { dates, bands: [...modelBands("s2")], side: 24, scale: 3000 });
const s1 = (seed: number, dates: number) => stack(seed, { dates, bands: ["VV", "VH"], side: 24, scale: -20 });

const places = (count: number, make: (seed: number) => Place): UnlabelledPlace[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `place ${i}`,
    source: { place: { ...make(i), location: { longitude: 20 * i - 90, latitude: 5 * i } } },
  }));
const pictures = places(8, (i) => ({ hr: hr(i) }));
const series = places(8, (i) => ({ s2: s2(i, 1 + (i % 3)), ...(i % 4 > 0 && { s1: s1(i, 2) }) }));

const job = (more: Partial<PretrainOptions> = {}, settings: PretrainOptions["settings"] = {}): PretrainOptions => ({
  places: [...pictures, ...series],
  out: fresh(),
  model: "tiny",
  threads: 1,
  workers: 0,
  ...more,
  settings: {
    steps: 6,
    batchSize: 4,
    sentinelBatchSize: 4,
    locals: 1,
    sentinelSize: 8,
    starts: { image: 0, object: 0.3, pixel: 0.3, align: 0 },
    prototypesFrom: 0.3,
    head: { hidden: 16, bottleneck: 8, prototypes: 16 },
    ...settings,
  },
});

const lines = (out: string): Record<string, number>[] =>
  readFileSync(join(out, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

function expectNear(a: Weights, b: Weights, most: number): void {
  for (const name of a.entries.keys()) {
    const [left, right] = [a.float32(name), b.float32(name)];
    const far = left.findIndex((value, i) => !(Math.abs(value - right[i]!) <= most));
    expect(far, `${name}: ${left[far]} and ${right[far]}`).toBe(-1);
  }
}

test("pretrain: every term of every branch is there once its time has come, and nothing else", async () => {
  const options = job();
  await pretrain(options);
  const named = new Set(lines(options.out).flatMap((line) => Object.keys(line).filter((key) => key.includes("."))));
  expect([...named].filter((name) => !name.startsWith("monitor.")).sort()).toEqual(
    [
      "align.s2-s1",
      ...["image", "object", "pixel"].flatMap((term) =>
        ["fused", "hr", "s1", "s2"].map((branch) => `${term}.${branch}`),
      ),
    ].sort(),
  );
  expect(lines(options.out)[0]).not.toHaveProperty("pixel.hr");
});

test.each(["distil", "contrast"] as const)("pretrain: learns by heart what is seen often (%s)", async (form) => {
  const options = job(
    { places: pictures },
    {
      form,
      steps: 60,
      batchSize: 8,
      lr: 4e-3,
      warmup: 0.5, // so that nothing is taken for a collapse
      weights: { image: 1, object: 0, pixel: 0, align: 0 },
      momentum: { from: 0.9, to: 0.99 },
    },
  );
  await pretrain(options);
  const losses = lines(options.out).map((line) => line["image.hr"]!);
  const early = losses.slice(0, 5).reduce((a, b) => a + b) / 5;
  const late = losses.slice(-5).reduce((a, b) => a + b) / 5;
  expect(late).toBeLessThan(early - 0.3);
});

test("pretrain: as DINO does, with local views smaller than the windows and a head that is held at first", async () => {
  const settings: PretrainOptions["settings"] = {
    ...{ form: "distil", balance: "centre", locals: 2, localSize: 32, weights: imageLevel },
    ...{ steps: 4, lr: 1e-2, frozenHead: 1, momentum: { from: 0.5, to: 0.5 } },
  };
  const held = await pretrain(job({ places: pictures }, settings));
  expect(lines(dirname(held.path)).every(({ loss }) => Number.isFinite(loss))).toBe(true);
  const moved = await pretrain(job({ places: pictures }, { ...settings, frozenHead: 0.5 }));
  const fresh = initialise(pretrainTree(held.config, held.settings), { seed: held.settings.seed });
  const name = "pretrain.place.hr.last.weight";
  const turn = (weights: Weights) => largestTurn(weights.float32(name), fresh.get(name)!, 8);
  expect(turn(held.weights)).toBeLessThan(1e-6);
  expect(turn(moved.weights)).toBeGreaterThan(1e-5);
});

/** The largest 1 − cosine of rows. */
function largestTurn(a: Float32Array, b: Float32Array, width: number): number {
  const rows = Array.from({ length: a.length / width }, (_, row) => {
    const dot = (x: Float32Array, y: Float32Array) =>
      sumOver(width, (j) => x[row * width + j]! * y[row * width + j]!);
    return 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  });
  return Math.max(...rows);
}

test("pretrain: a masked autoencoder learns to paint what it does not see, of HR images alone", async () => {
  const options = job(
    {},
    { form: "mae", steps: 60, batchSize: 8, lr: 4e-3, locals: 0, momentum: { from: 0.9, to: 0.99 } },
  );
  const { path, weights } = await pretrain(options);
  const losses = lines(options.out).map((line) => line["masked.hr"]!);
  const mean = (some: number[]) => some.reduce((a, b) => a + b) / some.length;
  expect(mean(losses.slice(0, 5))).toBeGreaterThan(0.9); // wanted are patches of deviation 1
  expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)) - 0.1);
  expect(weights.entries.has("pretrain.decoder.weight")).toBe(true);
  const model = loadModel(path);
  const encoded = await model.encode({ hr: hr(3) });
  expect(encoded.vector.every(Number.isFinite)).toBe(true);
  await model.release();
});

test("pretrain: two runs with one seed agree bit for bit, and so does one that was interrupted", async () => {
  const whole = await pretrain(job());
  expectNear((await pretrain(job())).weights, whole.weights, 0);

  const out = fresh();
  const stop = new AbortController();
  const interrupted = pretrain(
    job({
      out,
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (done === 3) stop.abort(new Error("interrupted"));
      },
    }),
  );
  await expect(interrupted).rejects.toThrow("interrupted");
  expectNear((await pretrain(job({ out }))).weights, whole.weights, 0);
});

test("pretrain: two processes learn what one learns", async () => {
  // Prototypes of the geo-context are the mean of what the processes learnt, which is not the same.
  const settings = { steps: 3, momentum: { from: 0.5, to: 0.5 }, prototypesFrom: 2 } as const;
  const alone = fresh();
  await pretrain(job({ out: alone }, settings));
  const out = [fresh(), fresh()];
  await Promise.all(
    threadOfRanks(2).map((communicator, rank) => pretrain(job({ out: out[rank]!, communicator }, settings))),
  );
  // Not the weights: AdamW makes a whole step of a gradient that is nothing but rounding.
  const [one, both] = [lines(alone), lines(out[0]!)];
  expect(both).toHaveLength(one.length);
  for (const [i, line] of one.entries()) {
    for (const name of ["loss", "gradientNorm"]) {
      expect(Math.abs(both[i]![name]! / line[name]! - 1), `${name} of step ${i + 1}`).toBeLessThan(2e-4);
    }
  }
});
