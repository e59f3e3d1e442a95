import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { modelBands } from "../imagery/sensor/profiles.ts";
import { denseProbe } from "./dense-probe.node.ts";
import type { DenseSample, DenseSet } from "./dense-set.ts";

const root = mkdtempSync(join(tmpdir(), "skysense-dense-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Dark water beside bright land, each with noise; where the shore lies differs from place to place. */
function place(i: number): DenseSample {
  const random = createRandom(i, "shore");
  const side = 12;
  const shore = 3 + random.integer(6);
  const bands = modelBands("s2");
  const isWater = (pixel: number) => pixel % side < shore;
  const data = Float32Array.from(
    { length: bands.length * side ** 2 },
    (_, k) => (isWater(k % side ** 2) ? 400 : 2200) + 200 * random.normal(),
  );
  const labels = Uint8Array.from({ length: side ** 2 }, (_, p) => (p < side ? 255 : isWater(p) ? 1 : 0));
  return {
    ...{ id: `place ${i}`, group: `coast ${i % 3}`, split: undefined },
    stamp: async () => `${i}`,
    read: async () => ({
      place: { s2: { data, shape: [1, bands.length, side, side], bands } },
      labels: { data: labels, height: side, width: side },
    }),
  };
}
const set: DenseSet = {
  name: "shores",
  path: "shores",
  classes: ["land", "water"],
  samples: Array.from({ length: 9 }, (_, i) => place(i)),
};

test("denseProbe: where two sensors are wanted, a place with one of them is left out, with the reason", async () => {
  const withS1 = (sample: DenseSample): DenseSample => ({
    ...sample,
    async read(options) {
      const { place, labels } = await sample.read(options);
      const [, , height, width] = place.s2!.shape;
      const s1 = { data: new Float32Array(2 * height * width).fill(-12), bands: ["VV", "VH"] };
      return { place: { ...place, s1: { ...s1, shape: [1, 2, height, width] } }, labels };
    },
  });
  const mixed = { ...set, samples: set.samples.map((sample, i) => (i < 6 ? withS1(sample) : sample)) };
  const options = { set: mixed, model: "tiny", cells: 10 };
  const both = await denseProbe({ ...options, sensors: ["s2", "s1"], out: join(root, "both.json") });
  expect(both.skipped.map(({ id }) => id)).toEqual(["place 6", "place 7", "place 8"]);
  expect(both.skipped[0]!.reason).toBe("it has no image of s1, and images of s2 and s1 are wanted");
  expect(both.results[0]!.n).toBe(60);
  const all = await denseProbe({ ...options, out: join(root, "all.json") });
  expect(all.skipped.map(({ id }) => id)).toEqual(["place 6", "place 7", "place 8"]);
});

test("denseProbe: floors and model tell water from land where it is that easy; the second time nothing is computed", async () => {
  const options = { set, model: "tiny", cells: 20, out: join(root, "results.json") };
  const { results, skipped } = await denseProbe(options);
  expect(skipped).toEqual([]);
  expect([...new Set(results.map(({ features }) => features))]).toEqual([
    "ImageStats",
    "RCF",
    "tiny, random weights, fused, dense",
  ]);
  expect([...new Set(results.map(({ metric }) => metric))]).toEqual(["mIoU", "IoU land", "IoU water", "OA"]);
  for (const { features, metric, value, low, high, n } of results) {
    expect(n).toBe(180); // every place is judged once
    if (features !== "ImageStats") continue;
    expect(value, metric).toBeGreaterThan(0.97);
    expect(low).toBeLessThanOrEqual(value);
    expect(high).toBeGreaterThanOrEqual(value);
  }
  expect((await denseProbe(options)).results).toEqual(results);
  const other = await denseProbe({ ...options, holdOut: ["coast 1"] });
  expect(other.results[0]!.dataset).toBe("shores; coast 1 held out");
  expect(other.results[0]!.n).toBe(60);
});
