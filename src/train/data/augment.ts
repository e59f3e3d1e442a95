import { bug, SkySenseError } from "../../core/error.ts";
import { type SensorName, sensorNames } from "../../core/place.ts";
import type { Random } from "../../core/random.ts";
import { profiles } from "../../imagery/sensor/profiles.ts";
import { blur } from "./blur.ts";
import { grey, type JitterOptions, jitter, solarise } from "./colour.ts";
import { fillUp } from "./fill-up.ts";
import {
  type Crop,
  type CropOptions,
  chooseCrop,
  chooseOrientation,
  cropMasks,
  cropPlanes,
  middle,
} from "./geometry.ts";
import type { KeptPlace, KeptStack } from "./kept-place.ts";
import { distortColours, type PhotometricOptions } from "./photometric.ts";
import { chooseScaledCrop, type ScaledCropOptions } from "./scaled-crop.ts";
import { changeBackscatter, changeReflectance, type SentinelOptions } from "./sentinel.ts";

/** What becomes of a place on its way into a batch, as plain data. Nothing that is absent happens. */
export interface Recipe {
  /** What the model takes of each sensor. */
  sensors: { [sensor in SensorName]?: SensorRecipe };
  /** Random resized crop, or for dense labels one of a random scale. Absent: the largest square in the middle. */
  crop?: CropOptions | ScaledCropOptions;
  /** When a crop is shrunk, whether pixels between are averaged. Default true. */
  antialias?: boolean;
  /** Mirror rows and columns. */
  flips?: boolean;
  /** Turn by quarters. */
  rotations?: boolean;
  /** HR only, as are the next four. */
  jitter?: JitterOptions;
  /** The changes of colour that segmentation is trained with, instead of `jitter`. */
  photometric?: PhotometricOptions;
  /** Share of the images that lose their colours. */
  grey?: number;
  /** Share of the images, and range of the standard deviation in pixels. */
  blur?: { probability: number; sigma: readonly [min: number, max: number] };
  /** Share of the images, and the value from which on they are inverted, 0 to 1. Default 0.5. */
  solarise?: { probability: number; threshold?: number };
  /** Changes of every Sentinel image. */
  sentinel?: SentinelOptions;
}

/** Side of the images in pixels, bands in this order, and at most so many dates. */
export interface SensorRecipe {
  size: number;
  bands: readonly string[];
  dates?: number;
  /**
   * Images may lack bands: these are zero, and the others count all bands / own bands times, which is to the patch
   * embedding as if its kernel had their slices alone (see `vit`). Default: such images cannot be used.
   */
  someBands?: boolean;
}

/** The images of one sensor as the model takes them. */
export interface AugmentedStack {
  /** [dates, bands, size, size], normalised. */
  data: Float32Array<ArrayBuffer>;
  dates: readonly (string | undefined)[];
  /** [dates, size, size], 1 valid, 0 not; undefined: all valid. */
  mask: Uint8Array<ArrayBuffer> | undefined;
}

export type AugmentedPlace = { [sensor in SensorName]?: AugmentedStack } & {
  /** What was cut out, in pixels of the coarsest sensor. */
  crop: Crop;
  /** [size, size] of the finest images: classes of the pixels, by the nearest. */
  labelMap?: Uint8Array<ArrayBuffer>;
};

/**
 * Crop, turn, resize, change and normalise a place.
 *
 * The crop is a whole number of pixels of the coarsest sensor and the same for all sensors and dates, so that what lay
 * above each other still does.
 *
 * @throws SkySenseError `BAD_SAMPLE`: no sensor that the recipe takes, other bands, or images that do not lie on one
 *   lattice
 */
export function augment(place: KeptPlace, recipe: Recipe, random: Random): AugmentedPlace {
  const sensors = sensorNames.filter((sensor) => recipe.sensors[sensor] && place[sensor]);
  const whole = lattice(place, sensors);
  const box = chooseBox(place, { recipe, sensors, units: whole, random });
  const { flips = false, rotations = false } = recipe;
  const crop: Crop = { ...box, ...chooseOrientation(random, { flips, rotations }) };
  const out: AugmentedPlace = { crop };
  const units = [Math.max(whole[0], box.top + box.height), Math.max(whole[1], box.left + box.width)] as const;
  const filled = units.join() === whole.join() ? place : fillUp(place, { from: whole, to: units });
  for (const sensor of sensors) {
    out[sensor] = augmentStack(sensor, filled[sensor]!, { recipe, crop, units, random });
  }
  const { labelMap } = filled;
  if (labelMap !== undefined) {
    const size = Math.max(...sensors.map((sensor) => recipe.sensors[sensor]!.size));
    out.labelMap = cropMasks({ ...labelMap, count: 1, perUnit: labelMap.height / units[0] }, crop, { size });
  }
  return out;
}

/** What is cut out, which only a crop of a random scale takes from beyond the place. */
function chooseBox(
  { labelMap, ...place }: KeptPlace,
  {
    recipe,
    sensors,
    units,
    random,
  }: { recipe: Recipe; sensors: readonly SensorName[]; units: readonly [number, number]; random: Random },
) {
  const { crop } = recipe;
  if (crop === undefined) return middle(units);
  if (!("scale" in crop)) return chooseCrop(random, units, crop);
  const side = Math.min(
    ...sensors.map((sensor) => (recipe.sensors[sensor]!.size * units[0]) / place[sensor]!.shape[2]),
  );
  return chooseScaledCrop(random, units, { ...crop, side, labels: labelMap });
}

/** Height and width in pixels of the coarsest sensor. */
function lattice(place: KeptPlace, sensors: readonly SensorName[]): [height: number, width: number] {
  if (sensors.length === 0) throw badSample("it has no image of a sensor that is asked for", "Leave it out.");
  const sizes = sensors.map((sensor) => place[sensor]!.shape);
  const height = Math.min(...sizes.map(([, , h]) => h));
  const width = Math.min(...sizes.map(([, , , w]) => w));
  for (const [, , h, w] of sizes) {
    if (h % height !== 0 || h / height !== w / width) {
      throw badSample(
        `images of ${sizes.map(([, , h, w]) => `${w} × ${h}`).join(", ")} pixels are not on one lattice`,
        "Open them as one scene, which puts them on one.",
      );
    }
  }
  return [height, width];
}

interface StackContext {
  recipe: Recipe;
  crop: Crop;
  units: readonly [height: number, width: number];
  random: Random;
}

function augmentStack(sensor: SensorName, stack: KeptStack, context: StackContext): AugmentedStack {
  const { recipe, crop, units, random } = context;
  const { size, bands, dates: most, someBands = false } = recipe.sensors[sensor]!;
  const [count, , height, width] = stack.shape;
  const chosen = chooseDates(count, most, random);
  const profile = profiles[sensor];
  const positions = bandPositions(sensor, stack, { bands, someBands });
  const present = positions.filter((position) => position >= 0).length;
  const plane = height * width;
  const geometry = { height, width, perUnit: height / units[0] };
  const { antialias = true } = recipe;
  const pixels = size * size;
  const data = new Float32Array(chosen.length * bands.length * pixels);
  for (const [t, date] of chosen.entries()) {
    const image = data.subarray(t * bands.length * pixels, (t + 1) * bands.length * pixels);
    for (const run of runs(positions)) {
      const first = date * stack.shape[1] + run.from;
      const source = {
        data: stack.data.subarray(first * plane, (first + run.count) * plane),
        count: run.count,
        ...geometry,
      };
      const out = image.subarray(run.at * pixels, (run.at + run.count) * pixels);
      cropPlanes(source, crop, { size, antialias, out, scale: 1 / profile.div });
    }
    const statistics = bands.map((name) => profile.bands.find((band) => band.name === name)!.normalisation!);
    if (sensor === "hr") changeColours(image, size, recipe, random);
    else if (recipe.sentinel !== undefined) {
      const change = sensor === "s2" ? changeReflectance : changeBackscatter;
      const deviations = statistics.map(({ std }) => std);
      change(image, deviations, recipe.sentinel, random);
    }
    for (const [b, { mean, std }] of statistics.entries()) {
      const weight = positions[b]! < 0 ? 0 : bands.length / present;
      normalisePlane(image, b * pixels, pixels, { mean, std, weight });
    }
  }
  const mask = stack.mask && maskOf(stack.mask, chosen, { size, crop, geometry });
  return { data, dates: chosen.map((t) => stack.dates?.[t]), mask };
}

function normalisePlane(
  image: Float32Array,
  at: number,
  pixels: number,
  { mean, std, weight }: { mean: number; std: number; weight: number },
): void {
  const factor = weight / std;
  const shift = (weight * -mean) / std;
  for (let p = at; p < at + pixels; p++) image[p] = image[p]! * factor + shift;
}

function changeColours(image: Float32Array, size: number, recipe: Recipe, random: Random): void {
  const pixels = size * size;
  if (recipe.photometric !== undefined) distortColours(image, pixels, recipe.photometric, random);
  const { jitter: jittered, grey: greyShare = 0, blur: blurred, solarise: solarised } = recipe;
  if (jittered && random.uniform() < (jittered.probability ?? 1)) jitter(image, pixels, jittered, random);
  if (random.uniform() < greyShare) grey(image, pixels);
  if (blurred && random.uniform() < blurred.probability) {
    const [min, max] = blurred.sigma;
    blur(image, { height: size, width: size, sigma: min + random.uniform() * (max - min) });
  }
  if (solarised && random.uniform() < solarised.probability) solarise(image, solarised.threshold ?? 0.5);
}

/** A random choice of at most `most` dates, in their order. */
function chooseDates(count: number, most: number | undefined, random: Random): number[] {
  const all = Array.from({ length: count }, (_, t) => t);
  if (most === undefined || count <= most) return all;
  return random
    .shuffle(all)
    .slice(0, most)
    .sort((a, b) => a - b);
}

/** Of each wanted band in a stack; −1 where it lacks it and may do so. */
function bandPositions(
  sensor: SensorName,
  { bands }: KeptStack,
  { bands: wanted, someBands }: { bands: readonly string[]; someBands: boolean },
): number[] {
  const none = wanted.every((band) => !bands.includes(band));
  return wanted.map((band) => {
    if (profiles[sensor].bands.find(({ name }) => name === band)?.normalisation === undefined) {
      throw bug(`the recipe asks for ${sensor} ${band}, which has no normalisation`);
    }
    const position = bands.indexOf(band);
    if (position < 0 && (none || !someBands)) {
      throw badSample(
        `it has the ${sensor} bands ${bands.join(", ")}, without ${band}`,
        "All images of a set need the bands that the model is trained with.",
      );
    }
    return position;
  });
}

/** Neighbouring bands that stay neighbours are cropped in one go. */
function runs(positions: readonly number[]): { from: number; at: number; count: number }[] {
  const out: { from: number; at: number; count: number }[] = [];
  for (const [at, from] of positions.entries()) {
    if (from < 0) continue;
    const last = out.at(-1);
    if (last !== undefined && last.from + last.count === from && last.at + last.count === at) last.count++;
    else out.push({ from, at, count: 1 });
  }
  return out;
}

function maskOf(
  mask: Uint8Array,
  dates: readonly number[],
  {
    size,
    crop,
    geometry,
  }: { size: number; crop: Crop; geometry: { height: number; width: number; perUnit: number } },
): Uint8Array<ArrayBuffer> {
  const plane = geometry.height * geometry.width;
  const out = new Uint8Array(dates.length * size * size);
  for (const [i, t] of dates.entries()) {
    const data = mask.subarray(t * plane, (t + 1) * plane);
    out.set(cropMasks({ data, count: 1, ...geometry }, crop, { size }), i * size * size);
  }
  return out;
}

function badSample(what: string, remedy: string): SkySenseError {
  return new SkySenseError({ code: "BAD_SAMPLE", what, remedy });
}
