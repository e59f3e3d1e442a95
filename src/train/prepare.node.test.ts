import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { mul } from "../graph/ops/mul.ts";
import { sum } from "../graph/ops/reduce.ts";
import { sub } from "../graph/ops/sub.ts";
import { batchDim } from "../graph/shape.ts";
import { input, parameter } from "../graph/tensor.ts";
import { train } from "./trainer.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-prepare-"));
afterEach(() => rmSync(folder, { recursive: true }));

test("train: what is prepared comes from the weights of the step", async () => {
  const w = () => parameter("w", [1]);
  const { weights } = await train({
    out: folder,
    parameters: [["w", { data: Float32Array.of(5), shape: [1] }]],
    // (w − t)² with t = w + 1, made anew for every step: always one, and a gradient of −2.
    buildGraph: () => {
      const error = sub(mul(w(), input("x", [batchDim()])), input("target", [1]));
      return { loss: sum(mul(error, error), { axes: [0] }) };
    },
    data: { batch: async () => ({ feeds: { x: { data: Float32Array.of(1), shape: [1] } }, samples: 1, files: [] }) },
    prepare: {
      build: () => ({ seen: mul(w(), input("x", [batchDim()])) }),
      feeds: ({ seen }) => ({ target: { data: Float32Array.of(Number(seen!.data[0]) + 1), shape: [1] } }),
    },
    optimiser: { kind: "sgd", weightDecay: 0, momentum: 0 },
    schedule: { kind: "constant", lr: 0.5 },
    steps: 3,
    seed: 0,
    config: {},
    threads: 1,
  });
  const losses = readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n");
  expect(losses.map((line) => JSON.parse(line).loss)).toEqual([1, 1, 1]);
  expect(weights.float32("w")[0]).toBeCloseTo(8, 5);
});
