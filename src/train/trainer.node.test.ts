import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  linearJob,
  pairJob,
  parametersOf,
  rows,
  source,
  threadOfRanks,
  truth,
} from "../../test/support/training-jobs.ts";
import { mean } from "../graph/ops/reduce.ts";
import { batchDim } from "../graph/shape.ts";
import { input } from "../graph/tensor.ts";
import { initLinear, linear } from "../model/linear.ts";
import { bindParameters } from "../model/parameters.ts";
import { presets } from "../model/presets.ts";
import { initSwin, type SwinParams, swin } from "../model/swin-v2.ts";
import type { BatchSource } from "./batch.ts";
import { crossEntropy } from "./losses/cross-entropy.ts";
import { type TrainOptions, type TrainResult, train } from "./trainer.node.ts";

const root = mkdtempSync(join(tmpdir(), "skysense-train-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const fresh = () => join(root, `run-${folders++}`);

const base = {
  ...linearJob(5, 2),
  optimiser: { kind: "sgd", momentum: 0.9, weightDecay: 0 },
  schedule: { kind: "constant", lr: 0.05 },
  steps: 4,
  seed: 1,
  threads: 1,
  config: {},
} satisfies Partial<TrainOptions>;

const options = (more: Partial<TrainOptions> = {}): TrainOptions => ({
  ...base,
  data: source([8], [5, 2]),
  out: fresh(),
  ...more,
});

const numbers = ({ weights }: TrainResult, name: string) => [...weights.float32(name)];

function expectNear(a: TrainResult, b: TrainResult, most = 1e-6): void {
  expect([...a.weights.entries.keys()]).toEqual([...b.weights.entries.keys()]);
  for (const name of a.weights.entries.keys()) {
    const [left, right] = [a.weights.float32(name), b.weights.float32(name)];
    const far = left.findIndex((value, i) => !(Math.abs(value - right[i]!) < most));
    expect(far, `${name}: ${left[far]} and ${right[far]}`).toBe(-1);
  }
}

function metricsOf(out: string): Record<string, number>[] {
  return readFileSync(join(out, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const caught = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail("it did not fail"),
    (error: Error) => error,
  );

test.each([
  { optimiser: { kind: "sgd", momentum: 0.9, weightDecay: 0 }, schedule: { kind: "constant", lr: 0.05 } },
  { optimiser: { kind: "adamw", weightDecay: 0 }, schedule: { kind: "cosine", lr: 0.05, warmup: 10 } },
] as const)("train: finds the weights that the data were made with ($optimiser.kind)", async (how) => {
  const result = await train(options({ ...how, steps: 300 }));
  const weight = numbers(result, "layer.weight");
  for (const [k, value] of weight.entries()) expect(value).toBeCloseTo(truth(k % 5, Math.floor(k / 5)), 2);
  expect(numbers(result, "layer.bias")[1]).toBeCloseTo(0.25, 2);
});

test("train: what has no influence is left alone, what is fixed stays, and buffers are renewed at every step", async () => {
  const result = await train(
    options({ optimiser: { kind: "adamw", weightDecay: 0.5 }, trainable: (name) => /weight|idle/.test(name) }),
  );
  expect(numbers(result, "idle")).toEqual([1, 1, 1]);
  expect(numbers(result, "layer.bias")).toEqual([...new Map(base.parameters).get("layer.bias")!.data]);
  expect(numbers(result, "count")).toEqual([4]);
});

test("train: the same run gives the same bits again; with several threads, too", async () => {
  const config = { ...presets.tiny.hr, outputs: [3] };
  const tree = { encoder: initSwin(config), head: initLinear(64, 5) };
  const run = () =>
    train(
      options({
        parameters: parametersOf(tree),
        buildGraph() {
          const p = bindParameters(tree);
          const { x } = swin(p.encoder as SwinParams, input("image", [batchDim(), 3, 64, 64]), config).get(3)!;
          return {
            loss: crossEntropy(linear(p.head, mean(x, { axes: [1] })), input("label", [batchDim()], "int64")),
          };
        },
        data: {
          async batch(index) {
            const image = { data: Float32Array.from({ length: 6 * 3 * 64 * 64 }, (_, i) => Math.sin(i * i + index)) };
            const label = { data: BigInt64Array.of(0n, 1n, 2n, 3n, 4n, 0n), shape: [6] };
            return { feeds: { image: { ...image, shape: [6, 3, 64, 64] }, label }, samples: 6, files: [] };
          },
        },
        optimiser: { kind: "adamw", weightDecay: 0.05 },
        schedule: { kind: "constant", lr: 1e-3 },
        threads: 4,
        steps: 3,
      }),
    );
  expectNear(await run(), await run(), 1e-30);
});

test("train: writes a line a step, and the model at the end", async () => {
  const out = fresh();
  const seen: number[] = [];
  const evaluate = { every: 2, run: async () => ({ accuracy: 0.5 }) };
  const onProgress: TrainOptions["onProgress"] = ({ done, total }) => seen.push(done / total!);
  const result = await train(options({ out, evaluate, onProgress, steps: 3, metadata: { made: "here" } }));
  expect(seen).toEqual([1 / 3, 2 / 3, 1]);
  const lines = metricsOf(out);
  expect(lines.map((line) => [line.step, line["evaluate.accuracy"]])).toEqual([
    [1, undefined],
    [2, 0.5],
    [3, 0.5],
  ]);
  const { step: _, "evaluate.accuracy": __, ...first } = lines[1]!;
  const names = [
    "loss",
    "twice",
    "lr",
    "gradientNorm",
    "parameterNorm",
    "updateNorm",
    "samples",
    "samplesPerSecond",
    "waitShare",
  ];
  expect(Object.keys(first)).toEqual(names);
  expect(first.twice).toBeCloseTo(2 * first.loss!, 6);
  expect(readdirSync(out).sort()).toEqual(["checkpoints", "metrics.jsonl", "model.safetensors"]);
  expect(result.step).toBe(3);
  // A run that is at its end does nothing more.
  expectNear(await train(options({ out, evaluate, steps: 3 })), result, 1e-30);
});

test("train: batches of several sizes need one graph, and several batches a step equal one large one", async () => {
  let built = 0;
  const buildGraph: TrainOptions["buildGraph"] = (shapes) => {
    built++;
    return base.buildGraph(shapes);
  };
  const large = await train(options({ data: source([12, 7], [5, 2]) }));
  const small = await train(options({ buildGraph, data: source([4, 8, 1, 6], [5, 2]), accumulate: 2 }));
  expect(built).toBe(1);
  const count = numbers(small, "count");
  expect(count).toEqual([8]);
  for (const name of ["layer.weight", "layer.bias"]) {
    for (const [i, v] of numbers(small, name).entries()) expect(v).toBeCloseTo(numbers(large, name)[i]!, 6);
  }
});

/** Each rank gets its part of every batch of 12 rows. */
function share(
  rank: number,
  [first, second]: readonly [number, number],
  extents: readonly [number, number],
): BatchSource {
  return {
    async batch(index) {
      const begin = index * (first + second);
      return rank === 0 ? rows(begin, begin + first, extents) : rows(begin + first, begin + first + second, extents);
    },
  };
}

test("train: two processes with unequal parts equal one with the whole batch, and rank 0 alone writes", async () => {
  const whole = await train(options({ data: source([12], [5, 2]), average: 0.5 }));
  const ranks = threadOfRanks(2);
  const out = [fresh(), fresh()];
  const results = await Promise.all(
    ranks.map((communicator, rank) => {
      // All begin with what rank 0 has.
      const parameters = [...base.parameters].map(([name, values]) => {
        const other = rank > 0 && base.trainable!(name);
        return [name, other ? { ...values, data: values.data.map(() => 9) } : values] as const;
      });
      return train(
        options({ communicator, parameters, data: share(rank, [8, 4], [5, 2]), out: out[rank]!, average: 0.5 }),
      );
    }),
  );
  for (const result of results) expectNear(result, whole);
  expect(results[1]!.weights.float32("layer.weight")).toEqual(results[0]!.weights.float32("layer.weight"));
  expect(out.map((folder) => existsSync(folder))).toEqual([true, false]);
  expect(metricsOf(out[0]!).map(({ samples }) => samples)).toEqual([12, 12, 12, 12]);
});

test("train: a loss that compares samples gives the same over batches and processes as in one batch", async () => {
  const job = { ...pairJob(6), optimiser: { kind: "sgd", momentum: 0, weightDecay: 0 } as const };
  const whole = await train(options({ ...job, data: source([12], [6, 6]) }));
  const parts = await train(options({ ...job, data: source([5, 4, 3], [6, 6]), accumulate: 3 }));
  expectNear(parts, whole);
  const ranks = await Promise.all(
    threadOfRanks(2).map((communicator, rank) =>
      train(options({ ...job, communicator, data: share(rank, [5, 7], [6, 6]) })),
    ),
  );
  for (const result of ranks) expectNear(result, whole);
});

test("train: processes are stopped together, after the same step, with a checkpoint", async () => {
  const out = fresh();
  const abort = new AbortController();
  const ends = threadOfRanks(2).map((communicator, rank) =>
    caught(
      train(
        options({
          communicator,
          out: rank === 0 ? out : fresh(),
          data: share(rank, [4, 4], [5, 2]),
          ...(rank === 1 && { signal: abort.signal }),
          onProgress: ({ done }) => done === 2 && rank === 0 && abort.abort(new Error("enough")),
        }),
      ),
    ),
  );
  const [first, second] = await Promise.all(ends);
  expect([first!.message, second!.message]).toEqual(["another process of this run was interrupted", "enough"]);
  expect(readdirSync(join(out, "checkpoints"))).toEqual(["step-00000003"]);
});

test("train: clipping shortens long gradients, and the log has their length before", async () => {
  const [free, clipped] = [fresh(), fresh()];
  const optimiser = { kind: "sgd", momentum: 0, weightDecay: 0 } as const;
  await train(options({ out: free, optimiser, steps: 1 }));
  await train(options({ out: clipped, optimiser, steps: 1, clip: 0.1 }));
  expect(metricsOf(clipped)[0]!.gradientNorm).toBe(metricsOf(free)[0]!.gradientNorm);
  expect(metricsOf(clipped)[0]!.updateNorm).toBeCloseTo(0.05 * 0.1, 5);
});

test("train: the averaged weights are the running mean of the weights", async () => {
  const averaged = await train(options({ average: 0.75, steps: 3 }));
  let mean = [...new Map(base.parameters).get("layer.weight")!.data];
  for (const steps of [1, 2, 3]) {
    const now = numbers(await train(options({ steps })), "layer.weight");
    mean = mean.map((value, i) => 0.75 * value + 0.25 * now[i]!);
  }
  for (const [i, value] of numbers(averaged, "layer.weight").entries()) expect(value).toBeCloseTo(mean[i]!, 6);
});

/** Batches that are good up to one in which a number is missing. */
function spoilt(at: number, value: number): BatchSource {
  const good = source([4], [5, 2]);
  return {
    async batch(index) {
      const batch = await good.batch(index);
      if (index === at) (batch.feeds.x!.data as Float32Array)[0] = value;
      return batch;
    },
  };
}

test("train: a number that is none stops the run with step, files and the last good checkpoint", async () => {
  const out = fresh();
  const failed = await caught(
    train(options({ out, steps: 9, data: spoilt(5, Number.NaN), checkpoint: { every: 2 } })),
  );
  expect(failed.message).toBe(
    "the loss became NaN at step 6 with the files row 20, row 21, row 22, row 23; the last good checkpoint is " +
      `${join(out, "checkpoints/step-00000004")}. ` +
      "Look at these files; if they are right, train with a lower learning rate, longer warm-up or clipping.",
  );
  // Nothing of the bad step is kept, and the run goes on where the data are good.
  expect(metricsOf(out)).toHaveLength(5);
  const repaired = await train(options({ out, steps: 9, data: source([4], [5, 2]), checkpoint: { every: 2 } }));
  expectNear(repaired, await train(options({ steps: 9, data: source([4], [5, 2]) })), 1e-30);
});

test("train: an endless gradient before the first checkpoint says so", async () => {
  const failed = await caught(train(options({ data: spoilt(0, 1e18) })));
  expect(failed).toMatchObject({ code: "NOT_FINITE" });
  expect(failed.message).toContain(
    "at step 1 with the files row 0, row 1, row 2, row 3; the last good checkpoint is the beginning",
  );
});

test("train: an unfinished checkpoint is neither used nor left behind", async () => {
  const out = fresh();
  await train(options({ out, steps: 3, checkpoint: { every: 1 } }));
  const folder = join(out, "checkpoints");
  expect(readdirSync(folder)).toEqual(["step-00000002", "step-00000003"]);
  for (const name of [".part-1-abc", ".old-abc"]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "model.safetensors"), "half");
  }
  await train(options({ out, steps: 3 }));
  expect(readdirSync(folder)).toEqual(["step-00000002", "step-00000003"]);
});

test("train: a checkpoint of another model or of other options is refused", async () => {
  const out = fresh();
  await train(options({ out, config: { model: { width: 5 } } }));
  const checkpoint = join(out, "checkpoints/step-00000004");
  const again = (more: Partial<TrainOptions>) =>
    caught(train(options({ out, config: { model: { width: 5 } }, ...more }))).then(({ message }) => message);
  const remedy = "Choose another --out, or the model and the options that this run began with.";
  expect(await again({ seed: 2 })).toBe(
    `the checkpoint is of another run: seed is 1 there, and 2 in this run (${checkpoint}). ${remedy}`,
  );
  expect(await again({ config: { model: { width: 6 } } })).toContain(
    "config.model.width is 5 there, and 6 in this run",
  );
  expect(await again({ clip: 1 })).toContain("clip is not set there, and 1 in this run");
  expect(await again({ ...linearJob(6, 2), data: source([8], [6, 2]) })).toContain(
    '"layer.weight" has the shape [2,5] there, and [2,6] in this run',
  );
  expect(await again({ trainable: (name) => /weight|idle/.test(name) })).toContain(
    '"layer.bias", which this run does not',
  );
  expect(await again({ ...pairJob(6), data: source([8], [6, 6]) })).toContain("of another run");
});

test("train: a damaged checkpoint is named, and the one before it can be used", async () => {
  const out = fresh();
  await train(options({ out, checkpoint: { every: 2 } }));
  const [before, last] = [2, 4].map((step) => join(out, "checkpoints", `step-0000000${step}`));
  truncateSync(join(last!, "first.safetensors"), 20);
  expect(await caught(train(options({ out })))).toMatchObject({ code: "CORRUPT_SAFETENSORS" });
  writeFileSync(join(last!, "state.json"), '{"step":');
  const failed = await caught(train(options({ out })));
  expect(failed.message).toContain(join(last!, "state.json"));
  expect(failed.message).toContain("Remove this checkpoint's folder to go on from the one before it.");
  rmSync(last!, { recursive: true });
  expect(existsSync(before!)).toBe(true);
  expectNear(await train(options({ out, checkpoint: { every: 2 } })), await train(options()), 1e-30);
});

test("train: an interrupted measurement is made when the run goes on", async () => {
  const out = fresh();
  const abort = new AbortController();
  const evaluate = (interrupted: boolean): TrainOptions["evaluate"] => ({
    every: 2,
    async run(weights, { step }) {
      if (interrupted && step === 2) {
        abort.abort(new Error("interrupted"));
        abort.signal.throwIfAborted();
      }
      return { sum: weights.float32("layer.weight").reduce((a, b) => a + b, 0) };
    },
  });
  const stopped = await caught(train(options({ out, evaluate: evaluate(true), signal: abort.signal })));
  expect(stopped.message).toBe("interrupted");
  await train(options({ out, evaluate: evaluate(false) }));
  const whole = fresh();
  await train(options({ out: whole, evaluate: evaluate(false) }));
  const strip = (lines: Record<string, number>[]) =>
    lines.map(({ samplesPerSecond: _, waitShare: __, ...line }) => line);
  expect(strip(metricsOf(out))).toEqual(strip(metricsOf(whole)));
});

test("train: the data are closed whether the run could begin or not", async () => {
  let closed = 0;
  const data = { ...source([8], [5, 2]), close: () => void closed++ };
  const out = fresh();
  await train(options({ out, data }));
  expect(closed).toBe(1);
  await caught(train(options({ out, data, seed: 2 }))); // another run's checkpoint
  expect(closed).toBe(2);
});

test("train: a folder that cannot be made or is in use is named", async () => {
  const file = fresh();
  writeFileSync(file, "");
  expect(await caught(train(options({ out: join(file, "run") })))).toMatchObject({ code: "NOT_WRITABLE" });
  const out = fresh();
  mkdirSync(out);
  writeFileSync(join(out, "lock"), "1");
  expect(await caught(train(options({ out })))).toMatchObject({ code: "FOLDER_BUSY" });
});
