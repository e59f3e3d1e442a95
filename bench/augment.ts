/*
 * Images a second that one core augments: random resized crops of 150-pixel pictures to 128 pixels. The ratio is to
 * copying the pictures to floats and normalising them, which no augmentation can do without.
 */
import { createRandom } from "../src/core/random.ts";
import { augment, type Recipe } from "../src/train/data/augment.ts";
import { keepPlace } from "../src/train/data/kept-place.ts";
import { compareRuns, conclude, Ratios } from "./harness.ts";

const [side, size, count] = [150, 128, 200];
const random = createRandom(1, "bench");
const data = Float32Array.from({ length: 3 * side * side }, () => random.integer(256));
const place = keepPlace({ hr: { data, shape: [1, 3, side, side], bands: ["R", "G", "B"] } });

const base: Recipe = { sensors: { hr: { size, bands: ["R", "G", "B"] } }, crop: { area: [0.25, 1] } };
const recipes: Record<string, Recipe> = {
  "crop, flips and rotations": { ...base, flips: true, rotations: true },
  "crop, flips and jitter of all four": {
    ...base,
    flips: true,
    jitter: { brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 },
  },
  "the same, grey, blur and solarisation": {
    ...base,
    flips: true,
    jitter: { brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 },
    grey: 0.2,
    blur: { probability: 0.5, sigma: [0.1, 2] },
    solarise: { probability: 0.2 },
  },
};

function least(): Float32Array {
  const out = new Float32Array(3 * size * size);
  for (let round = 0; round < count; round++) {
    const source = place.hr!.data;
    for (let band = 0; band < 3; band++) {
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          out[(band * size + y) * size + x] = source[(band * side + y) * side + x]! * 0.017 - 2;
        }
      }
    }
  }
  return out;
}

const ratios = new Ratios();
for (const [name, recipe] of Object.entries(recipes)) {
  const run = () => {
    for (let i = 0; i < count; i++) augment(place, recipe, createRandom(1, i));
  };
  const result = await compareRuns({ a: run, b: least, rounds: 7, warmups: 2 });
  ratios.add(`augment ${name}`, result);
  console.log(`  ${((count / result.aMs) * 1000).toFixed(0)} images/s`);
}
conclude(ratios.finish());
