import sharp from "sharp";
import { computeFeatures } from "../../src/embed/compute-features.node.ts";
import { featureRows } from "../../src/embed/feature-file.node.ts";
import { commonPeriod } from "../../src/embed/prepare.ts";
import { bandMajor } from "../../src/embed/quantise.ts";
import { sceneNeeds } from "../../src/embed/scene-needs.ts";
import { tileScene } from "../../src/embed/tiling.ts";
import { chooseWindows, type WindowOptions } from "../../src/embed/windows.ts";
import { type OpenSceneOptions, openScene, type SkySense } from "../../src/index.ts";
import { temporaryFolder } from "./cli.ts";
import { type TestTiff, writeTestTiff } from "./write-geotiff.ts";

/** A map of features, [channels, height, width]. */
interface Map {
  data: Float32Array;
  shape: readonly [channels: number, height: number, width: number];
}

/** ‖a − b‖ / ‖b‖, and cosines between the features of a cell: the worst and the median. */
export function compareMaps(a: Map, b: Map) {
  const [channels, height, width] = b.shape;
  const cells = height * width;
  const cosines: number[] = [];
  let [error, total] = [0, 0];
  for (let cell = 0; cell < cells; cell++) {
    let [ab, aa, bb] = [0, 0, 0];
    for (let k = cell; k < channels * cells; k += cells) {
      const [x, y] = [a.data[k]!, b.data[k]!];
      ab += x * y;
      aa += x * x;
      bb += y * y;
      error += (x - y) ** 2;
    }
    total += bb;
    cosines.push(ab / Math.sqrt(aa * bb));
  }
  cosines.sort((x, y) => x - y);
  return {
    relativeL2: Math.sqrt(error / total),
    worstCosine: cosines[0]!,
    medianCosine: cosines[Math.floor(cells / 2)]!,
  };
}

/** Root mean square of the deviations from each channel's mean over the map, by that of the means. */
export function spreadOf({ data, shape: [channels, height, width] }: Map): number {
  const cells = height * width;
  let [spread, size] = [0, 0];
  for (let c = 0; c < channels; c++) {
    const values = data.subarray(c * cells, (c + 1) * cells);
    const mean = values.reduce((sum, v) => sum + v, 0) / cells;
    size += mean ** 2;
    for (const value of values) spread += (value - mean) ** 2 / cells;
  }
  return Math.sqrt(spread / size);
}

/**
 * How much features change from each column to the one `lag` further: the distance of their means over rows. A lag of
 * one patch leaves out what differs between the cells of a patch.
 */
export function columnSteps({ data, shape: [channels, height, width] }: Map, lag = 1): number[] {
  const means = new Float64Array(channels * width);
  for (let i = 0; i < data.length; i++) {
    means[Math.floor(i / (height * width)) * width + (i % width)]! += data[i]! / height;
  }
  return Array.from({ length: width - lag }, (_, x) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += (means[c * width + x + lag]! - means[c * width + x]!) ** 2;
    return Math.sqrt(sum);
  });
}

/** The largest difference between two such rows of steps, by the largest step of the second. */
export function largestJump(steps: readonly number[], whole: readonly number[]): number {
  return Math.max(...steps.map((step, x) => Math.abs(step - whole[x]!))) / Math.max(...whole);
}

/** How a scene is cut, and by which model it is encoded. */
interface Cut extends WindowOptions {
  model: SkySense;
}

/** What `embed` makes of an HR picture [3, height, width], before it writes outputs. */
export async function featuresOfPicture(
  pixels: Uint8Array,
  [height, width]: readonly [height: number, width: number],
  cut: Cut,
) {
  const folder = temporaryFolder();
  const path = `${folder}/image.png`;
  const interleaved = Uint8Array.from(pixels, (_, i) => pixels[(i % 3) * width * height + Math.floor(i / 3)]!);
  await sharp(interleaved, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toFile(path);
  return featuresOf(path, { sensor: "hr" }, cut);
}

/** The same of one Sentinel-2 image of the model's ten bands. */
export async function featuresOfS2(tiff: TestTiff, cut: Cut) {
  const path = writeTestTiff(`${temporaryFolder()}/s2.tif`, tiff);
  const s2 = { bands: "model", dates: ["2021-06-01"], units: "reflectance*10000", offset: 0, check: false };
  return featuresOf(path, { sensor: "s2", s2 }, cut);
}

async function featuresOf(path: string, options: OpenSceneOptions, { model, ...windows }: Cut): Promise<Map> {
  const scene = await openScene([path], { ...options, ...sceneNeeds(model.config) });
  try {
    const period = commonPeriod(
      model.config,
      scene.sensors.map(({ sensor }) => sensor),
    );
    const chosen = chooseWindows(scene, { ...windows, period });
    const tiling = tileScene({ ...scene.grid, ...chosen });
    const work = temporaryFolder();
    const map = await computeFeatures({ scene, model, tiling, batch: chosen.batch, work, fingerprint: "" });
    const data = new Float32Array(map.channels * map.width * map.height);
    for await (const { first, data: rows } of featureRows(map)) data.set(rows, first * map.width * map.channels);
    return { data: bandMajor(data, map.channels), shape: [map.channels, map.height, map.width] };
  } finally {
    await scene.close();
  }
}
