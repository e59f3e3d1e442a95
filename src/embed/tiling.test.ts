import fc from "fast-check";
import { expect, test } from "vitest";
import { createBlender, finishedRows, tileAxis, tileScene } from "./tiling.ts";

const sizes = fc
  .record({
    length: fc.integer({ min: 1, max: 90 }),
    period: fc.integer({ min: 1, max: 4 }),
    periods: fc.integer({ min: 1, max: 8 }),
    shared: fc.double({ min: 0, max: 0.99, noNaN: true }),
    falloff: fc.constantFrom(1, 3),
  })
  .map(({ length, period, periods, shared, falloff }) => ({
    length,
    period,
    falloff,
    window: periods * period,
    overlap: Math.floor(periods * shared) * period,
  }));

test("tileAxis: windows lie inside, start in step, cover every cell, and weights add up to one", () => {
  fc.assert(
    fc.property(sizes, ({ length, ...options }) => {
      const { starts, sizes, weights } = tileAxis(length, options);
      const sums = new Float64Array(length);
      for (const [k, start] of starts.entries()) {
        expect(start % options.period).toBe(0);
        expect(start + sizes[k]!).toBeLessThanOrEqual(length);
        expect(sizes[k]).toBeGreaterThan(Math.min(options.window, length) - options.period);
        for (const [i, weight] of weights[k]!.entries()) {
          expect(weight).toBeGreaterThan(0);
          sums[start + i]! += weight;
        }
      }
      for (const sum of sums) expect(sum).toBeCloseTo(1, 5);
      expect(new Set(starts).size).toBe(starts.length);
    }),
  );
});

test("createBlender: a map that every window sees alike comes out as it is, in rows that follow each other", () => {
  fc.assert(
    fc.property(sizes, sizes, (x, y) => {
      const [width, height, channels] = [x.length, y.length, 2];
      const { window, overlap, period, falloff } = x;
      const tiling = tileScene({ width, height, window, overlap, period, falloff });
      const value = (row: number, column: number, k: number) => Math.sin(row * 7 + column * 3 + k);
      const blender = createBlender(tiling, { width, channels });
      let nextRow = 0;
      for (const [row, top] of tiling.rows.starts.entries()) {
        for (const [column, left] of tiling.columns.starts.entries()) {
          const [tall, wide] = [tiling.rows.sizes[row]!, tiling.columns.sizes[column]!];
          const features = new Float32Array(tall * wide * channels);
          for (let i = 0; i < features.length; i++) {
            const cell = Math.floor(i / channels);
            const r = top + Math.floor(cell / wide);
            features[i] = value(r, left + (cell % wide), i % channels);
          }
          blender.add(row, column, features);
        }
        const [first, end] = finishedRows(tiling, row);
        expect(first).toBe(nextRow);
        nextRow = end;
        for (const [i, v] of blender.take(row).entries()) {
          const cell = Math.floor(i / channels);
          expect(v).toBeCloseTo(value(first + Math.floor(cell / width), cell % width, i % channels), 4);
        }
      }
      expect(nextRow).toBe(height);
    }),
    { numRuns: 40 },
  );
});

test("createBlender: goes on from its pending sums as if it had never stopped", () => {
  const tiling = tileScene({ width: 5, height: 13, window: 5, overlap: 2 });
  const features = (row: number) => Float32Array.from({ length: 25 }, (_, i) => i + row * 100);
  const whole = createBlender(tiling, { width: 5, channels: 1 });
  const rows = tiling.rows.starts.map((_, row) => {
    whole.add(row, 0, features(row));
    return { done: whole.take(row), pending: whole.pending() };
  });
  const resumed = createBlender(tiling, { width: 5, channels: 1, pending: rows[1]!.pending.slice() });
  for (let row = 2; row < rows.length; row++) {
    resumed.add(row, 0, features(row));
    expect(resumed.take(row)).toEqual(rows[row]!.done);
  }
});
