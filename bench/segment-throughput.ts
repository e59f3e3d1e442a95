/**
 * `predict segmentation` on an RGB scene against the model alone on as many windows that are in memory, in turns: what
 * reading, blending, the journal, and writing class map, confidence and polygons cost. Prints windows/s of both, the
 * ratio and the peak of resident memory. `node segment-throughput.js [--side 10000] [--write]`: a square scene of so
 * many pixels, once; else 8,192 × 1,024 pixels, three times.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { safetensorsParts } from "../src/core/safetensors.ts";
import { writeAtomic } from "../src/core/write-atomic.node.ts";
import { initialise } from "../src/model/initialise.ts";
import { listParameters } from "../src/model/parameters.ts";
import { presets } from "../src/model/presets.ts";
import { defaults } from "../src/tasks/segmentation/finetune.node.ts";
import { initSegmenter, type SegmenterConfig } from "../src/tasks/segmentation/head.ts";
import { segmenterFile } from "../src/tasks/segmentation/model-file.ts";
import { predictSegmentation } from "../src/tasks/segmentation/predict.node.ts";
import { openSegmenter, readSegmenter } from "../src/tasks/segmentation/segmenter-session.node.ts";
import { compareRuns, conclude, Ratios } from "./harness.ts";
import { writeScene } from "./scene.ts";

const { values } = parseArgs({ options: { side: { type: "string" }, write: { type: "boolean" } } });
const folder = mkdtempSync(join(tmpdir(), "skysense-bench-"));
const model = join(folder, "model.safetensors");
const image = join(folder, "scene.tif");
const side = 512;
const { channels } = defaults;
const config: SegmenterConfig = {
  model: presets.nano,
  sensor: "hr",
  size: side,
  classes: ["water", "forest", "field", "road", "roof", "bare"].map((name, i) => ({
    name,
    colour: `#${i}0${i}0${i}0`,
  })),
  bands: [0, 1, 2],
  head: { channels, auxiliary: Math.ceil(channels / 2), dropout: 0.1 },
};
const tree = initSegmenter(config);
const shapes = new Map(listParameters(tree));
const tensors = [...initialise(tree, { seed: 0 })].map(
  ([name, data]) => [name, { dtype: "F32", shape: shapes.get(name)!.shape, data }] as const,
);
await writeAtomic(model, safetensorsParts(new Map(tensors), segmenterFile.write(config)));
const large = values.side !== undefined;
const [width, height] = large ? [Number(values.side), Number(values.side)] : [8192, 1024];
await writeScene(image, { width, height });

const session = openSegmenter(readSegmenter(model));
try {
  const data = Float32Array.from({ length: 3 * side * side }, (_, i) => (i * 7919) % 256);
  const place = { hr: { data, shape: [1, 3, side, side] as const, bands: ["R", "G", "B"] } };
  let windows = 0;
  const shares: string[] = [];
  const whole = async () => {
    const out = join(folder, "out");
    const result = await predictSegmentation({
      ...{ model, image, out },
      onProgress: ({ phase, total }) => {
        if (phase === "segment") windows = total ?? 0;
      },
    });
    rmSync(out, { recursive: true });
    const { reading, computing, writing } = result!.seconds;
    shares.push(
      `reading ${reading.toFixed(1)} s, computing ${computing.toFixed(1)} s, writing ${writing.toFixed(1)} s`,
    );
    return 1000 * (reading + computing + writing);
  };
  const alone = async () => {
    const began = performance.now();
    let previous: Promise<unknown> = Promise.resolve();
    for (let i = 0; i < windows; i++) {
      const current = session.scores([place]);
      await previous;
      previous = current;
    }
    await previous;
    return performance.now() - began;
  };
  const result = await compareRuns({ a: whole, b: alone, rounds: large ? 1 : 3, warmups: large ? 0 : 1 });
  const rate = (ms: number): string => ((1000 * windows) / ms).toFixed(2);
  const peak = process.resourceUsage().maxRSS / 2 ** 20;
  console.log(
    `segment ${rate(result.aMs)}, model alone ${rate(result.bMs)} windows/s of ${side}² px; peak ${peak.toFixed(2)} GiB`,
  );
  console.log(shares.at(-1));
  const ratios = new Ratios();
  ratios.add(`segment ${width} × ${height} px, against the model alone`, result);
  conclude(ratios.finish());
} finally {
  await session.release();
  rmSync(folder, { recursive: true, force: true });
}
