import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WindowOptions } from "../src/embed/windows.ts";
import { loadModel, type SkySense } from "../src/index.ts";
import { fractal, toBytes } from "./support/images.ts";
import { columnSteps, compareMaps, featuresOfPicture, featuresOfS2, largestJump, spreadOf } from "./support/seams.ts";

/** Scenes in windows against the same scenes in one window, with random weights of `nano`. `embed` states the bounds. */

let model: SkySense;
beforeAll(() => {
  model = loadModel("nano-random");
});
afterAll(() => model.release());

const bands = (values: Float32Array) => Uint16Array.from(values, (v) => Math.max(1, v));

describe("HR", () => {
  const features = (pixels: Uint8Array, size: readonly [number, number], options: WindowOptions) =>
    featuresOfPicture(pixels, size, { model, ...options });

  test.each([1024, 992])(
    "embed: %d² pixels in windows of 8, 16 and 24 cells are near those in one window",
    async (side) => {
      const image = toBytes(fractal({ bands: 3, height: side, width: side }, { mean: 110, spread: 50 }));
      const whole = await features(image, [side, side], { window: 32 });
      for (const [window, bound, cosine] of [
        [8, 0.15, 0.9],
        [16, 0.025, 0.995],
        [24, 0.003, 0.9999],
      ] as const) {
        const got = compareMaps(await features(image, [side, side], { window }), whole);
        expect(got.relativeL2).toBeLessThan(bound);
        expect(got.worstCosine).toBeGreaterThan(cosine);
      }
    },
  );

  test("embed: a constant image gives constant features at any window", async () => {
    const image = Uint8Array.from({ length: 3 * 480 * 480 }, (_, i) => [90, 120, 60][Math.floor(i / 480 ** 2)]!);
    for (const window of [2, 8, 16, 24]) {
      const spread = spreadOf(await features(image, [480, 480], { window }));
      expect(spread).toBeLessThan(1e-4);
    }
  });

  test("embed: a ramp has no jump where windows meet, as it has without blending", async () => {
    const ramp = Uint8Array.from({ length: 3 * 128 * 1024 }, (_, i) => 20 + ((i % 1024) * 210) / 1024);
    const whole = columnSteps(await features(ramp, [128, 1024], { window: 32 }));
    for (const window of [8, 16]) {
      const jump = async (overlap: number) =>
        largestJump(columnSteps(await features(ramp, [128, 1024], { window, overlap })), whole);
      const [blended, unblended] = [await jump(window / 4), await jump(0)];
      expect(blended).toBeLessThan(window === 8 ? 0.1 : 0.04);
      expect(unblended).toBeGreaterThan(2 * blended);
    }
  });
});

describe("Sentinel-2", () => {
  const features = (data: Uint16Array, [height, width]: readonly [number, number], options: WindowOptions) =>
    featuresOfS2({ data, bands: 10, height, width, epsg: 32632 }, { model, ...options });

  test.each([128, 127])(
    "embed: %d² pixels in windows of 16, 32 and 64 cells stay like those in one window",
    async (side) => {
      const image = bands(fractal({ bands: 10, height: side, width: side }, { mean: 1500, spread: 600 }));
      const whole = await features(image, [side, side], { window: 128 });
      for (const [window, bound, cosine] of [
        [16, 0.27, 0.85],
        [32, 0.23, 0.92],
        [64, 0.16, 0.97],
      ] as const) {
        const got = compareMaps(await features(image, [side, side], { window }), whole);
        expect(got.relativeL2).toBeLessThan(bound);
        expect(got.worstCosine).toBeGreaterThan(cosine);
      }
    },
  );

  test("embed: a constant image shows no more pattern in windows than in one", async () => {
    const image = Uint16Array.from({ length: 10 * 96 * 96 }, (_, i) => 1000 + 150 * Math.floor(i / 96 ** 2));
    const whole = spreadOf(await features(image, [96, 96], { window: 96 }));
    for (const window of [16, 32]) {
      const spread = spreadOf(await features(image, [96, 96], { window }));
      expect(spread).toBeLessThan(1.001 * whole);
    }
  });

  test("embed: a ramp has no jump where windows meet that share half, as it has without blending", async () => {
    const ramp = Uint16Array.from({ length: 10 * 16 * 128 }, (_, i) => 300 + ((i % 128) * 3000) / 128);
    const whole = columnSteps(await features(ramp, [16, 128], { window: 128 }), 2);
    const jump = async (overlap: number) =>
      largestJump(columnSteps(await features(ramp, [16, 128], { window: 32, overlap }), 2), whole);
    const [half, quarter, none] = [await jump(16), await jump(8), await jump(0)];
    expect(half).toBeLessThan(0.3);
    expect(quarter).toBeLessThan(1.2);
    expect(none).toBeGreaterThan(3);
  });
});
