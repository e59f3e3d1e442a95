import { expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { distortColours, mmsegPhotometric } from "./photometric.ts";

const pixels = 64;
const image = () => {
  const random = createRandom(3);
  return Float32Array.from({ length: 3 * pixels }, () => random.uniform());
};
const off = { brightness: 0, contrast: [1, 1], saturation: [1, 1], hue: 0 } as const;

test("distortColours: strengths of nothing change nothing, and results stay in 0 to 1", () => {
  for (let seed = 0; seed < 20; seed++) {
    const same = image();
    distortColours(same, pixels, off, createRandom(seed));
    for (const [i, x] of image().entries()) expect(same[i]).toBeCloseTo(x, 6);
    const changed = image();
    distortColours(changed, pixels, mmsegPhotometric, createRandom(seed));
    expect(Math.min(...changed)).toBeGreaterThan(-1e-6);
    expect(Math.max(...changed)).toBeLessThan(1 + 1e-6);
  }
});

test("distortColours: saturation is that of HSV, cut to one", () => {
  const hsv = (x: Float32Array, p: number) => {
    const rgb = [x[p]!, x[pixels + p]!, x[2 * pixels + p]!];
    const [value, least] = [Math.max(...rgb), Math.min(...rgb)];
    return { value, saturation: value === 0 ? 0 : (value - least) / value };
  };
  let changes = 0;
  for (let seed = 0; seed < 20; seed++) {
    const x = image();
    distortColours(x, pixels, { ...off, saturation: [1.4, 1.4] }, createRandom(seed));
    for (let p = 0; p < pixels; p++) {
      const [before, after] = [hsv(image(), p), hsv(x, p)];
      expect(after.value).toBeCloseTo(before.value, 5);
      if (Math.abs(after.saturation - before.saturation) < 1e-6) continue;
      changes++;
      expect(after.saturation).toBeCloseTo(Math.min(1, 1.4 * before.saturation), 5);
    }
  }
  expect(changes).toBeGreaterThan(100);
});
