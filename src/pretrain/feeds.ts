import { type SensorName, sensorNames } from "../core/place.ts";
import type { Random } from "../core/random.ts";
import { pixelsPerCell } from "../embed/prepare.ts";
import { dayIndex } from "../model/calendar.ts";
import { regionOf } from "../model/geo-context.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import type { HostTensor } from "../runtime/session.ts";
import type { LoadedBatch, LoadedView } from "../train/data/make-batch.ts";
import type { StackBatch } from "../train/data/stack-batch.ts";
import { validCells } from "../train/data/valid-cells.ts";
import { correspondence, type View } from "./correspondence.ts";
import { type PretrainSettings, type Term, terms } from "./settings.ts";

type Feeds = Record<string, HostTensor>;
/** Very negative: where a token is absent. */
const absent = -1e9;

/** What a step does beyond its images. */
export interface StepState {
  step: number;
  settings: PretrainSettings;
  config: SkySenseConfig;
  /** Draws for a sample of the batch: the same however a batch is divided among processes. */
  randomOf: (sample: number) => Random;
}

/**
 * The feeds of `pretrainGraph` for a batch whose first two views are the global ones; the others are local.
 *
 * Images that are absent are left out: `SENSOR.image` [images, bands, height, width] are those that are there,
 * `SENSOR.slot` says which one stands for each place, view and date.
 */
export function feedsOf(batch: LoadedBatch, state: StepState): Feeds {
  const [first, second, ...locals] = batch.views as [LoadedView, LoadedView, ...LoadedView[]];
  const globals = [first, second];
  const dense = state.step >= denseFrom(state.settings);
  const feeds: Feeds = scheduled(batch.samples, state, dense ? terms : ["image", "align"]);
  const sensors = sensorNames.filter((sensor) => globals.some(({ stacks }) => stacks[sensor] !== undefined));
  const cells = cellsOf(globals, sensors, state.config);
  for (const sensor of sensors) Object.assign(feeds, sensorFeeds(sensor, globals, batch.samples, state));
  feeds.mask = tokenMask(sensors, globals, batch.samples, cells[0] * cells[1], state.config);
  Object.assign(feeds, locationFeeds(batch, state));
  if (locals.length > 0 && sensors.includes("hr"))
    feeds["hr.local"] = interleaved(locals.map(({ stacks }) => stacks.hr!));
  if (dense) Object.assign(feeds, pairFeeds(globals, batch.samples, { grid: cells, mask: feeds.mask }, state));
  Object.assign(feeds, fusedFeeds(feeds.mask.shape as readonly number[], state));
  return feeds;
}

/** Cells along the sides of a view: all sensors lie on one grid of them. */
function cellsOf(
  views: readonly LoadedView[],
  sensors: readonly SensorName[],
  config: SkySenseConfig,
): [number, number] {
  const sensor = sensors[0]!;
  const [, , , height, width] = views.find(({ stacks }) => stacks[sensor])!.stacks[sensor]!.shape;
  const side = pixelsPerCell(config, sensor);
  return [height / side, width / side];
}

/** The first step with pixel or object terms: until then their graph is not there. */
function denseFrom({ weights, starts, steps }: PretrainSettings): number {
  const wanted = (["object", "pixel"] as const).filter((term) => weights[term] > 0);
  return Math.min(...wanted.map((term) => starts[term] * steps));
}

/**
 * What follows from the step: how much each term counts, and the inverse of the teacher's temperature. The width of
 * `ramp` says which graph it is: one without cells in pairs would take feeds with them, and leave them unread.
 */
function scheduled(samples: number, { step, settings }: StepState, present: readonly Term[]): Feeds {
  const { steps, starts, temperature } = settings;
  const grown = (term: Term) =>
    Math.min(1, Math.max(0, (step / steps - starts[term]) * 20 + (starts[term] === 0 ? 1 : 0)));
  const row = present.map(grown);
  const [from, to] = temperature.teacher;
  const teacher = from + (to - from) * Math.min(1, step / (0.3 * steps));
  const { frozenHead = 0 } = settings;
  return {
    ...(frozenHead > 0 && {
      "head.moving": { data: Float32Array.of(step < frozenHead * steps ? 0 : 1), shape: [1] },
    }),
    ramp: {
      data: Float32Array.from({ length: samples * row.length }, (_, i) => row[i % row.length]!),
      shape: [samples, row.length],
    },
    temperature: { data: Float32Array.of(1 / teacher), shape: [1] },
  };
}

function sensorFeeds(sensor: SensorName, views: readonly LoadedView[], samples: number, state: StepState): Feeds {
  const stacks = views.map((view) => view.stacks[sensor]);
  const dates = Math.max(...stacks.map((stack) => stack?.shape[1] ?? 0));
  const [, , bands, height, width] = stacks.find((stack) => stack !== undefined)!.shape;
  const size = bands * height * width;
  const slots = samples * views.length * dates;
  const slot = new BigInt64Array(slots);
  const present = new Float32Array(slots);
  const day = new BigInt64Array(slots).fill(BigInt(noDay(state.config)));
  const images: Float32Array[] = [];
  for (let i = 0, at = 0; i < samples; i++) {
    for (const stack of stacks) {
      for (let t = 0; t < dates; t++, at++) {
        if (stack === undefined || t >= stack.shape[1] || stack.present[i * stack.shape[1] + t] === 0) continue;
        const image = i * stack.shape[1] + t;
        slot[at] = BigInt(images.length);
        present[at] = 1;
        const date = stack.dates[i]![t];
        if (date !== undefined) day[at] = BigInt(disturbed(date, state.randomOf(i), state));
        images.push(stack.data.subarray(image * size, (image + 1) * size));
      }
    }
  }
  const data = new Float32Array(images.length * size);
  for (const [i, image] of images.entries()) data.set(image, i * size);
  return {
    [`${sensor}.image`]: { data, shape: [images.length, bands, height, width] },
    [`${sensor}.slot`]: { data: slot, shape: [slots] },
    [`${sensor}.present`]: { data: present, shape: [samples, views.length, dates] },
    [`${sensor}.day`]: { data: day, shape: [samples * views.length, dates] },
  };
}

const daysOf = ({ calendar }: SkySenseConfig) => (calendar.kind === "none" ? 0 : calendar.days);
/** The row after the calendar's last means no date. */
const noDay = daysOf;

/** The day of the year, moved a little (the paper disturbs dates; by how much is not known). */
function disturbed(date: string, random: Random, { config, settings: { dateNoise } }: StepState): number {
  const days = daysOf(config);
  if (days === 0) return 0;
  const moved = dayIndex(date, days) + random.integer(2 * dateNoise + 1) - dateNoise;
  return ((moved % days) + days) % days;
}

/** [places · views, cells, tokens] of 0, or very negative where an image is absent or a cell has no valid pixel. */
function tokenMask(
  sensors: readonly SensorName[],
  views: readonly LoadedView[],
  samples: number,
  cells: number,
  config: SkySenseConfig,
): HostTensor {
  const columns = sensors.map((sensor) => {
    const stacks = views.map((view) => view.stacks[sensor]);
    return { sensor, stacks, dates: Math.max(...stacks.map((stack) => stack?.shape[1] ?? 0)) };
  });
  const tokens = columns.reduce((sum, { dates }) => sum + dates, 0);
  const data = new Float32Array(samples * views.length * cells * tokens).fill(absent);
  for (let i = 0; i < samples; i++) {
    for (let v = 0; v < views.length; v++) {
      let first = 0;
      for (const { sensor, stacks, dates } of columns) {
        const stack = stacks[v];
        for (let t = 0; stack !== undefined && t < stack.shape[1]; t++) {
          if (stack.present[i * stack.shape[1] + t] === 0) continue;
          const valid = validCells(stack, { image: i * stack.shape[1] + t, side: pixelsPerCell(config, sensor) });
          for (let cell = 0; cell < cells; cell++) {
            if (valid?.[cell] !== 0) data[((i * views.length + v) * cells + cell) * tokens + first + t] = 0;
          }
        }
        first += dates;
      }
    }
  }
  return { data, shape: [samples * views.length, cells, tokens] };
}

/** Which cells of each view are fused, as rows of one-hot numbers, where not all are. */
function fusedFeeds(maskShape: readonly number[], { settings: { fusedCells }, randomOf }: StepState): Feeds {
  const [rows, cells] = maskShape as readonly [number, number, number];
  if (fusedCells === undefined || fusedCells >= cells) return {};
  const pick = new Float32Array(rows * fusedCells * cells);
  for (let row = 0; row < rows; row++) {
    const drawn = randomOf(Math.floor(row / 2)).shuffle(Int32Array.from({ length: cells }, (_, cell) => cell));
    for (let i = 0; i < fusedCells; i++) pick[(row * fusedCells + i) * cells + drawn[i]!] = 1;
  }
  return { "fused.pick": { data: pick, shape: [rows, 1, fusedCells, cells] } };
}

/** The region of each place, where it is known and prototypes take part already. */
function locationFeeds({ locations, samples }: LoadedBatch, { step, config, settings, randomOf }: StepState): Feeds {
  if (config.geoContext === undefined) return {};
  const { grid } = config.geoContext;
  const views = 2;
  const region = new BigInt64Array(samples * views);
  const known = new Float32Array(samples * views);
  const onehot = new Float32Array(samples * grid * grid);
  const active = step >= settings.prototypesFrom * settings.steps;
  for (const [i, location] of locations.entries()) {
    if (location === undefined) continue;
    const found = regionOf(location, grid);
    onehot[i * grid * grid + found] = active ? 1 : 0;
    for (let v = 0; v < views; v++) {
      region[i * views + v] = BigInt(found);
      // Without its location now and then, so that the model can do without.
      known[i * views + v] = active && randomOf(i).uniform() >= 0.15 ? 1 : 0;
    }
  }
  return {
    region: { data: region, shape: [samples * views] },
    known: { data: known, shape: [samples * views] },
    "region.onehot": { data: onehot, shape: [samples, grid * grid] },
  };
}

/** Local views one after the other within each place: [places · locals, bands, height, width]. */
function interleaved(stacks: readonly StackBatch[]): HostTensor {
  const [samples, , bands, height, width] = stacks[0]!.shape;
  const size = bands * height * width;
  const data = new Float32Array(samples * stacks.length * size);
  for (const [l, stack] of stacks.entries()) {
    for (let i = 0; i < samples; i++) {
      data.set(stack.data.subarray(i * size, (i + 1) * size), (i * stacks.length + l) * size);
    }
  }
  return { data, shape: [samples * stacks.length, bands, height, width] };
}

/** Cells of each view and cells of the other on the same ground, among those on which any image is valid. */
function pairFeeds(
  views: readonly LoadedView[],
  samples: number,
  { grid, mask }: { grid: readonly [number, number]; mask: HostTensor },
  { settings, randomOf }: StepState,
): Feeds {
  const cells = grid[0] * grid[1];
  const pairs = Math.min(settings.pairs, cells);
  const student = new Float32Array(samples * 2 * pairs * cells);
  const teacher = new Float32Array(samples * 2 * pairs * cells);
  const weight = new Float32Array(samples * 2 * pairs);
  for (let i = 0; i < samples; i++) {
    for (let v = 0; v < 2; v++) {
      const [own, other] = [v, 1 - v].map(
        (k): View => ({
          crop: views[k]!.crops[i]!,
          grid,
          valid: anyValid(mask, i * 2 + k),
        }),
      ) as [View, View];
      const found = correspondence(own, other, { pairs, random: randomOf(i) });
      const at = i * 2 + v;
      student.set(found.a, at * pairs * cells);
      teacher.set(found.b, at * pairs * cells);
      weight.set(found.weight, at * pairs);
    }
  }
  return {
    "pair.student": { data: student, shape: [samples, 2, pairs, cells] },
    "pair.teacher": { data: teacher, shape: [samples, 2, pairs, cells] },
    "pair.weight": { data: weight, shape: [samples, 2, pairs] },
  };
}

/** [cells]: 1 where a token of the mask's row takes part. */
function anyValid({ data, shape }: HostTensor, row: number): Uint8Array {
  const [, cells, tokens] = shape as readonly [number, number, number];
  return Uint8Array.from({ length: cells }, (_, cell) => {
    const first = (row * cells + cell) * tokens;
    return (data as Float32Array).subarray(first, first + tokens).includes(0) ? 1 : 0;
  });
}
