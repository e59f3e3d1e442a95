import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mean } from "../src/graph/ops/reduce.ts";
import { batchDim } from "../src/graph/shape.ts";
import { input } from "../src/graph/tensor.ts";
import { initLinear, linear } from "../src/model/linear.ts";
import { bindParameters } from "../src/model/parameters.ts";
import { presets } from "../src/model/presets.ts";
import { initSwin, type SwinParams, swin } from "../src/model/swin-v2.ts";
import { crossEntropy } from "../src/train/losses/cross-entropy.ts";
import { train } from "../src/train/trainer.node.ts";
import { collectGarbage } from "./support/collect-garbage.ts";
import { parametersOf } from "./support/training-jobs.ts";

/** Steps between two looks at the memory. */
const every = 10;

test("train: 1,000 steps with checkpoints and changing batch sizes leave resident memory flat", async () => {
  const out = mkdtempSync(join(tmpdir(), "skysense-memory-"));
  const config = { ...presets.tiny.hr, outputs: [3] };
  const tree = { encoder: initSwin(config), head: initLinear(64, 5) };
  const resident: number[] = [];
  try {
    await train({
      out,
      parameters: parametersOf(tree),
      buildGraph() {
        const p = bindParameters(tree);
        const { x } = swin(p.encoder as SwinParams, input("image", [batchDim(), 3, 64, 64]), config).get(3)!;
        return { loss: crossEntropy(linear(p.head, mean(x, { axes: [1] })), input("label", [batchDim()], "int64")) };
      },
      data: {
        async batch(index) {
          const samples = 2 + (index % 3);
          const data = Float32Array.from({ length: samples * 3 * 64 * 64 }, (_, i) => Math.sin(i * (index + 1)));
          const label = BigInt64Array.from({ length: samples }, (_, i) => BigInt((i + index) % 5));
          const feeds = { image: { data, shape: [samples, 3, 64, 64] }, label: { data: label, shape: [samples] } };
          return { feeds, samples, files: [] };
        },
      },
      optimiser: { kind: "adamw", weightDecay: 0.05 },
      schedule: { kind: "cosine", lr: 1e-4, warmup: 20 },
      steps: 1000,
      seed: 0,
      average: 0.99,
      checkpoint: { every: 50 },
      config: {},
      onProgress({ done }) {
        if (done % every !== 0) return;
        collectGarbage();
        resident.push(process.memoryUsage.rss() / 2 ** 20);
      },
    });
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
  const mostOf = (from: number, to: number) => Math.max(...resident.slice(from / every, to / every));
  const [early, late] = [mostOf(100, 400), mostOf(700, 1000)];
  console.log(`resident after 100 to 400 steps ${early.toFixed(0)} MiB, after 700 to 1,000 ${late.toFixed(0)} MiB`);
  // 10 KiB a step would be seen.
  expect(late).toBeLessThan(early * 1.03);
});
