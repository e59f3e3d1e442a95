import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { type Region, traceRegions } from "./trace-regions.ts";

/** Regions filled by the even–odd rule at the centres of pixels, and how often each pixel was filled. */
function rasterise(regions: readonly Region[], width: number, height: number) {
  const labels = new Int16Array(width * height).fill(-1);
  const times = new Uint8Array(width * height);
  for (const { label, rings } of regions) {
    for (let row = 0; row < height; row++) {
      for (let col = 0; col < width; col++) {
        let inside = false;
        for (const ring of rings) {
          for (let i = 0; i < ring.length; i += 2) {
            const j = (i + 2) % ring.length;
            const [x1, y1, x2, y2] = [ring[i]!, ring[i + 1]!, ring[j]!, ring[j + 1]!];
            if (y1 > row + 0.5 !== y2 > row + 0.5 && x1 + ((row + 0.5 - y1) / (y2 - y1)) * (x2 - x1) > col + 0.5)
              inside = !inside;
          }
        }
        if (!inside) continue;
        labels[row * width + col] = label;
        times[row * width + col]!++;
      }
    }
  }
  return { labels, times };
}

/** Twice the signed area; clockwise as looked at is positive, since rows grow downward. */
const area = (ring: Int32Array) => {
  let sum = 0;
  for (let i = 0; i < ring.length; i += 2) {
    const j = (i + 2) % ring.length;
    sum += ring[i]! * ring[j + 1]! - ring[j]! * ring[i + 1]!;
  }
  return sum / 2;
};

function components(labels: Uint8Array, width: number, height: number): number {
  const seen = new Uint8Array(labels.length);
  let count = 0;
  for (let start = 0; start < labels.length; start++) {
    if (seen[start]) continue;
    count++;
    const stack = [start];
    seen[start] = 1;
    while (stack.length > 0) {
      const p = stack.pop()!;
      const [x, y] = [p % width, Math.floor(p / width)];
      for (const [u, v] of [
        [x - 1, y],
        [x + 1, y],
        [x, y - 1],
        [x, y + 1],
      ] as const) {
        const q = v * width + u;
        if (u < 0 || v < 0 || u >= width || v >= height || seen[q] || labels[q] !== labels[p]) continue;
        seen[q] = 1;
        stack.push(q);
      }
    }
  }
  return count;
}

test("traceRegions: filled again, the regions of random maps are the maps, each pixel once", () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = createRandom(seed);
    const [width, height] = [1 + random.integer(14), 1 + random.integer(14)];
    const classes = 1 + random.integer(3);
    const labels = Uint8Array.from({ length: width * height }, () => random.integer(classes));
    const regions = traceRegions(labels, { width, height });
    const filled = rasterise(regions, width, height);
    expect([...filled.labels]).toEqual([...labels]);
    expect(filled.times.every((times) => times === 1)).toBe(true);
    expect(regions.length).toBe(components(labels, width, height));
    for (const { rings, pixels } of regions) {
      expect(area(rings[0]!)).toBeGreaterThan(0);
      for (const hole of rings.slice(1)) expect(area(hole)).toBeLessThan(0);
      expect(rings.reduce((sum, ring) => sum + area(ring), 0)).toBe(pixels);
    }
  }
});

test("traceRegions: corners only, small regions and skipped labels left out", () => {
  const labels = Uint8Array.from([1, 1, 1, 1, 1, 0, 2, 1, 1, 1, 1, 1]);
  const [ring, ...others] = traceRegions(labels, { width: 4, height: 3, skip: [0], minPixels: 2 });
  expect(others).toEqual([]);
  expect(ring!.rings.map((r) => [...r])).toEqual([
    [4, 0, 4, 3, 0, 3, 0, 0],
    [3, 2, 3, 1, 1, 1, 1, 2],
  ]);
});
