import { afterAll, beforeAll, expect, test } from "vitest";
import type { WindowOptions } from "../src/embed/windows.ts";
import { loadModel, type SkySense } from "../src/index.ts";
import { fractal, toBytes } from "./support/images.ts";
import { columnSteps, compareMaps, featuresOfPicture, largestJump, spreadOf } from "./support/seams.ts";

/**
 * Scenes in windows against the same scenes in one window, with random weights of `tiny`; `tiling.slow.test.ts` does
 * it with `nano`. `embed` states the bounds.
 */

let model: SkySense;
beforeAll(() => {
  model = loadModel("tiny");
});
afterAll(() => model.release());

const features = (pixels: Uint8Array, size: readonly [height: number, width: number], options: WindowOptions) =>
  featuresOfPicture(pixels, size, { model, ...options });

// 15 cells: windows cannot end with the scene and keep in step.
const size = [480, 480] as const;

test("embed: an HR scene in windows is the scene in one but for cells near the windows' ends, also of odd size", async () => {
  const image = toBytes(fractal({ bands: 3, height: 480, width: 480 }, { mean: 110, spread: 50 }));
  const whole = await features(image, size, { window: 16 });
  const tiled = compareMaps(await features(image, size, { window: 8, overlap: 4 }), whole);
  const unblended = compareMaps(await features(image, size, { window: 8, overlap: 0 }), whole);
  expect(tiled.relativeL2).toBeLessThan(0.03);
  expect(tiled.medianCosine).toBeGreaterThan(0.9999);
  expect(unblended.relativeL2).toBeGreaterThan(2 * tiled.relativeL2);
});

test("embed: a constant HR image gives constant features in windows of any size", async () => {
  const image = new Uint8Array(3 * 480 * 480).fill(90);
  for (const window of [4, 8, 16]) {
    expect(spreadOf(await features(image, size, { window })), `window ${window}`).toBeLessThan(1e-4);
  }
});

test("embed: a ramp has no jump where windows meet, as it has without blending", async () => {
  const ramp = Uint8Array.from({ length: 3 * 64 * 960 }, (_, i) => 20 + ((i % 960) * 210) / 960);
  const whole = columnSteps(await features(ramp, [64, 960], { window: 30 }));
  const jump = async (overlap: number) =>
    largestJump(columnSteps(await features(ramp, [64, 960], { window: 8, overlap })), whole);
  expect(await jump(4)).toBeLessThan(0.03);
  expect(await jump(0)).toBeGreaterThan(0.06);
});
