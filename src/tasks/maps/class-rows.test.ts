import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { classRows, type ScoreField } from "./class-rows.ts";

/** PyTorch's `interpolate(mode="bilinear", align_corners=False)` at one pixel, from its documentation. */
function interpolated(
  scores: Float32Array,
  { rows, columns, classes, stride }: ScoreField,
  [x, y]: readonly [number, number],
) {
  const at = (position: number, count: number) => {
    const source = Math.max((position + 0.5) / stride - 0.5, 0);
    const low = Math.min(Math.floor(source), count - 1);
    return { low, high: Math.min(low + 1, count - 1), weight: source - low };
  };
  const [v, u] = [at(y, rows), at(x, columns)];
  return Array.from({ length: classes }, (_, k) => {
    const score = (row: number, column: number) => scores[(row * columns + column) * classes + k]!;
    const top = score(v.low, u.low) * (1 - u.weight) + score(v.low, u.high) * u.weight;
    const bottom = score(v.high, u.low) * (1 - u.weight) + score(v.high, u.high) * u.weight;
    return top * (1 - v.weight) + bottom * v.weight;
  });
}

function softmaxed(scores: Float32Array, classes: number): Float32Array {
  const out = scores.map((score) => Math.exp(score));
  for (let cell = 0; cell < out.length; cell += classes) {
    const sum = out.subarray(cell, cell + classes).reduce((a, b) => a + b, 0);
    for (let k = 0; k < classes; k++) out[cell + k]! /= sum;
  }
  return out;
}

test("classRows: every pixel is the highest of the interpolated scores with its probability, in whatever pieces rows come", async () => {
  const random = createRandom(1);
  for (const [rows, columns, classes, stride, width, height] of [
    [5, 7, 3, 4, 26, 18],
    [1, 1, 2, 4, 3, 4],
    [4, 1, 5, 4, 2, 16],
    [6, 5, 2, 1, 5, 6],
    [3, 4, 2, 3, 12, 8],
  ] as const) {
    const field: ScoreField = { rows, columns, classes, stride, width, height };
    const scores = Float32Array.from({ length: rows * columns * classes }, () => 2 * random.normal());
    for (const piece of [1, 2, rows]) {
      const pieces = [];
      for (let row = 0; row < rows; row += piece) {
        pieces.push(scores.slice(row * columns * classes, (row + piece) * columns * classes));
      }
      let next = 0;
      for await (const { first, count, labels, confidence } of classRows(pieces, field)) {
        expect(first).toBe(next);
        next += count;
        for (let i = 0; i < count * width; i++) {
          const at = [i % width, first + Math.floor(i / width)] as const;
          const expected = interpolated(scores, field, at);
          const top = Math.max(...expected);
          expect(expected[labels[i]!]).toBeCloseTo(top, 4);
          const shares = interpolated(softmaxed(scores, classes), field, at);
          expect(Math.abs(confidence[i]! - 100 * shares[labels[i]!]!)).toBeLessThan(0.51);
        }
      }
      expect(next).toBe(height);
    }
  }
});
