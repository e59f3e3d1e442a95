import fc from "fast-check";
import { expect, test } from "vitest";
import type { ImageStack } from "../core/place.ts";
import { cutIntoPatches } from "./index-cut.ts";
import { worthlessness } from "./index-worth.ts";

const sizes = fc.record({ width: fc.integer({ min: 1, max: 600 }), height: fc.integer({ min: 1, max: 600 }) });

test("cutIntoPatches: patches are of one size, about the side asked for, and cover all but a pixel between them", () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 16, max: 200 }), (size, side) => {
      const patches = cutIntoPatches(size, side);
      const distinct = (of: number) => [...new Set(patches.map((patch) => patch[of]!))];
      const [[w], [h]] = [distinct(2), distinct(3)] as [number[], number[]];
      expect(distinct(2).length * distinct(3).length).toBe(1);
      expect(patches.map(([col, row]) => `${col},${row}`)).toEqual(
        distinct(1).flatMap((row) => distinct(0).map((col) => `${col},${row}`)),
      );
      for (const [length, part, starts] of [
        [size.width, w!, distinct(0)],
        [size.height, h!, distinct(1)],
      ] as const) {
        expect(part).toBeLessThanOrEqual(1.5 * side);
        expect(part).toBeGreaterThanOrEqual(Math.min(length, Math.floor((2 / 3) * side)));
        const gaps = starts.map((start, i) => (starts[i + 1] ?? length) - start - part);
        expect(starts[0]).toBe(0);
        expect(gaps.every((gap) => gap === 0 || gap === 1)).toBe(true);
      }
    }),
  );
});

const stack = (values: (p: number) => number, mask?: (p: number) => number): ImageStack => ({
  data: Float32Array.from({ length: 2 * 16 }, (_, p) => values(p % 16)),
  shape: [1, 2, 4, 4],
  bands: ["B03", "B04"],
  ...(mask && { mask: Uint8Array.from({ length: 16 }, (_, p) => mask(p)) }),
});
const [flat, rough] = [stack(() => 500), stack((p) => 500 + 300 * (p % 2))];

test("worthlessness: an image of one value shows nothing, but is enough beside another that shows something", () => {
  expect(worthlessness({ s2: flat })).toBe("flat");
  expect(worthlessness({ s2: rough })).toBeUndefined();
  expect(worthlessness({ s2: flat, hr: rough })).toBeUndefined();
  expect(worthlessness({ s1: flat })).toBeUndefined();
});

test("worthlessness: what is masked does not count", () => {
  expect(
    worthlessness({
      s2: stack(
        (p) => 500 + 300 * (p % 2),
        (p) => (p < 4 ? 1 : 0),
      ),
    }),
  ).toBe("empty");
  expect(
    worthlessness({
      s2: stack(
        (p) => (p < 8 ? 500 : 9000),
        (p) => (p < 8 ? 1 : 0),
      ),
    }),
  ).toBe("flat");
  expect(worthlessness({})).toBe("empty");
});
