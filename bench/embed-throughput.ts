/**
 * `embed` on an RGB scene of 16,384 × 1,024 pixels against the model alone on as many windows that are in memory, in
 * turns: what reading, blending and the journal cost. Prints windows/s of both, the ratio and the peak of resident
 * memory. `node embed-throughput.js [SCENE.tif] [--write]` takes a scene of your own.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { embed } from "../src/embed/embed.node.ts";
import { loadModel } from "../src/embed/load-model.node.ts";
import { compareRuns, conclude, Ratios } from "./harness.ts";
import { writeScene } from "./scene.ts";

const side = 512;
const batch = 4;
const folder = mkdtempSync(join(tmpdir(), "skysense-bench-"));
const model = loadModel("nano", { device: "cpu" });
try {
  const given = process.argv.slice(2).find((argument) => !argument.startsWith("--"));
  const path = given ?? join(folder, "scene.tif");
  if (given === undefined) await writeScene(path, { width: 16384, height: 1024 });

  const data = Float32Array.from({ length: 3 * side * side }, (_, i) => (i * 7919) % 256);
  const place = {
    hr: { data, shape: [1, 3, side, side] as const, bands: ["R", "G", "B"] },
    location: { longitude: 3, latitude: 45 },
  };
  let windows = 0;
  const whole = async () => {
    const out = join(folder, "out");
    const { seconds } = await embed({
      inputs: [path],
      out,
      model,
      window: side / 32,
      onProgress: ({ phase, total }) => {
        if (phase === "embed") windows = total ?? 0;
      },
    });
    rmSync(out, { recursive: true });
    return 1000 * (seconds.reading + seconds.computing);
  };
  // One batch is prepared while the one before is computed, as `embed` does.
  const alone = async () => {
    const began = performance.now();
    let previous: Promise<unknown> = Promise.resolve();
    for (let i = 0; i < windows; i += batch) {
      const current = model.encodeCells(Array.from({ length: Math.min(batch, windows - i) }, () => place));
      await previous;
      previous = current;
    }
    await previous;
    return performance.now() - began;
  };
  const result = await compareRuns({ a: whole, b: alone, rounds: 3 });
  const rate = (ms: number): string => ((1000 * windows) / ms).toFixed(2);
  const peak = process.resourceUsage().maxRSS / 2 ** 20;
  console.log(
    `embed ${rate(result.aMs)}, model alone ${rate(result.bMs)} windows/s of ${side}² px; peak ${peak.toFixed(2)} GiB`,
  );
  const ratios = new Ratios();
  ratios.add("embed a scene, against the model alone", result);
  conclude(ratios.finish());
} finally {
  await model.release();
  rmSync(folder, { recursive: true, force: true });
}
