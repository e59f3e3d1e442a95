import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { createCellSample, featurePicture, fitFeatureColours } from "./pca.ts";

const random = createRandom(3);

/** Cells with known principal axes: independent normal numbers along a random orthonormal basis. */
function cells(count: number, deviations: number[]) {
  const dimensions = deviations.length;
  const basis: Float64Array[] = [];
  for (let i = 0; i < dimensions; i++) {
    const v = Float64Array.from({ length: dimensions }, () => random.normal());
    for (const b of basis) {
      const along = v.reduce((sum, x, d) => sum + x * b[d]!, 0);
      v.forEach((_, d) => {
        v[d]! -= along * b[d]!;
      });
    }
    const length = Math.hypot(...v);
    basis.push(v.map((x) => x / length));
  }
  const rows = Array.from({ length: count }, () => {
    const row = new Float32Array(dimensions).fill(5);
    basis.forEach((b, i) => {
      const along = deviations[i]! * random.normal();
      b.forEach((x, d) => {
        row[d]! += along * x;
      });
    });
    return row;
  });
  return { rows, basis };
}
const cosine = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);

test("fitFeatureColours: finds the axes that made the data, and how much each explains", () => {
  const { rows, basis } = cells(4000, [9, 6, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  const { axes, explained, mean } = fitFeatureColours(rows);
  axes.forEach((axis, i) => {
    expect(Math.abs(cosine(axis, basis[i]!))).toBeGreaterThan(0.995);
  });
  const total = 81 + 36 + 16 + 9;
  [81, 36, 16].forEach((variance, i) => {
    expect(explained[i]).toBeCloseTo(variance / total, 1);
  });
  for (const value of mean) expect(value).toBeCloseTo(5, 0);
});

test("fitFeatureColours: axes are orthonormal, and their largest coefficient is positive", () => {
  const { axes } = fitFeatureColours(cells(500, [3, 2.9, 2.8, 2.7, 2.6, 2.5]).rows);
  axes.forEach((a, i) => {
    axes.forEach((b, j) => {
      expect(cosine(a, b)).toBeCloseTo(i === j ? 1 : 0, 6);
    });
    expect(a.reduce((best, x) => (Math.abs(x) > Math.abs(best) ? x : best), 0)).toBeGreaterThan(0);
  });
});

test("fitFeatureColours: the order of the cells does not change the colours", () => {
  const { rows } = cells(500, [5, 3, 2, 1, 0.5, 0.2]);
  const [one, other] = [fitFeatureColours(rows), fitFeatureColours([...rows].reverse())];
  one.axes.forEach((axis, i) => {
    expect(cosine(axis, other.axes[i]!)).toBeCloseTo(1, 9);
  });
});

test("fitFeatureColours: constant features, two dimensions and no cell at all are grey where nothing varies", () => {
  const grey = [128, 128, 128, 255];
  const constant = fitFeatureColours(Array.from({ length: 50 }, () => new Float32Array(8).fill(0.1)));
  expect([...featurePicture(constant, new Float32Array(8).fill(0.1), { width: 1, height: 1 }).rgba]).toEqual(grey);
  const flat = fitFeatureColours(cells(50, [2, 1]).rows);
  expect(featurePicture(flat, new Float32Array([5, 5]), { width: 1, height: 1 }).rgba[2]).toBe(128);
  expect(fitFeatureColours([]).axes).toHaveLength(3);
});

test("featurePicture: a scene and its tiles have the same colours", () => {
  const dimensions = 6;
  const { rows } = cells(64 * 64, [5, 3, 2, 1, 1, 1]);
  const scene = Float32Array.from({ length: dimensions * 64 * 64 }, (_, i) => rows[i % 4096]![Math.floor(i / 4096)]!);
  const colours = fitFeatureColours(rows);
  const whole = featurePicture(colours, scene, { width: 64, height: 64 });
  const half = Float32Array.from({ length: dimensions * 64 * 32 }, (_, i) => rows[i % 2048]![Math.floor(i / 2048)]!);
  const top = featurePicture(colours, half, { width: 64, height: 32 });
  expect(top.rgba).toEqual(whole.rgba.subarray(0, top.rgba.length));
  const used = [0, 1, 2].map((c) => new Set(whole.rgba.filter((_, i) => i % 4 === c)).size);
  for (const count of used) expect(count).toBeGreaterThan(200);
});

test("featurePicture: masked and NaN cells are transparent", () => {
  const colours = fitFeatureColours(cells(50, [2, 1, 1]).rows);
  const features = new Float32Array(9).fill(5);
  features[1] = Number.NaN;
  const { rgba } = featurePicture(colours, features, { width: 3, height: 1, valid: new Uint8Array([1, 1, 0]) });
  expect([rgba[3], rgba[7], rgba[11]]).toEqual([255, 0, 0]);
});

test("createCellSample: every cell is as likely to be kept, and masked ones never are", () => {
  const kept = new Float64Array(10);
  for (let seed = 0; seed < 400; seed++) {
    const sample = createCellSample(1, { capacity: 100, seed });
    for (let part = 0; part < 10; part++)
      sample.add(new Float32Array(50).fill(part), new Uint8Array(50).fill(1, 0, 40));
    for (const [value] of sample.rows()) kept[value!]!++;
  }
  expect(kept.reduce((a, b) => a + b)).toBe(400 * 100);
  for (const count of kept) expect(Math.abs(count - 4000)).toBeLessThan(4 * Math.sqrt(4000 * 0.9));
});
