import type { SensorName } from "../../core/place.ts";
import { pixelsPerCell } from "../../embed/prepare.ts";
import { dayIndex } from "../../model/calendar.ts";
import type { SkySenseConfig } from "../../model/skysense.ts";
import type { HostTensor } from "../../runtime/session.ts";
import { ignoredLabel } from "../../train/data/label-map.ts";
import type { LoadedBatch } from "../../train/data/make-batch.ts";
import type { StackBatch } from "../../train/data/stack-batch.ts";
import { validCells } from "../../train/data/valid-cells.ts";
import type { SeriesConfig } from "./head.ts";

type Feeds = Record<string, HostTensor>;

/** Added to the logits of absent tokens: large enough that exp gives 0, small enough to stay finite. */
const absent = -1e9;

/**
 * The feeds of `lossGraph` for a batch of places. `SENSOR.image` [images, bands, height, width] are the images that are
 * there, `SENSOR.slot` [places, dates] says which one stands for each date, `SENSOR.present` where there is one,
 * `SENSOR.day` the row of the calendar. `mask` [places, cells, tokens] is very negative where a token is absent,
 * `weight` [places, cells] what a cell counts.
 */
export function seriesFeeds(batch: LoadedBatch, config: SeriesConfig): Feeds {
  const stacks = config.sensors.map(
    (sensor) => [sensor, batch.stacks[sensor] ?? noImages(batch, sensor, config)] as const,
  );
  const feeds: Feeds = {};
  for (const [sensor, stack] of stacks) Object.assign(feeds, sensorFeeds(sensor, stack, config.model));
  Object.assign(feeds, cellFeeds(stacks, batch.samples, config));
  const { labels, labelMaps, samples } = batch;
  if (config.answer === "map") {
    const side = Math.sqrt(labelMaps!.length / samples);
    feeds.labels = { data: seenOnly(labelMaps!, feeds.weight!), shape: [samples, side, side] };
  } else feeds.labels = { data: labels, shape: [samples, labels.length / samples] };
  return feeds;
}

/** Labels [samples, side, side] without those of cells that none of the chosen images shows. */
function seenOnly(labels: Uint8Array, { data, shape }: HostTensor): BigInt64Array {
  const weight = data as Float32Array;
  if (!weight.includes(0)) return BigInt64Array.from(labels, BigInt);
  const [samples, cells] = shape as [number, number];
  const [side, columns] = [Math.sqrt(labels.length / samples), Math.sqrt(cells)];
  const cellOf = (at: number) => Math.floor((at * columns) / side);
  return BigInt64Array.from(labels, (label, p) => {
    const sample = Math.floor(p / side ** 2);
    const cell = sample * cells + cellOf(Math.floor(p / side) % side) * columns + cellOf(p % side);
    return BigInt(weight[cell] === 0 ? ignoredLabel : label);
  });
}

/** A sensor that no place of the batch has stays in the graph, so that all batches and processes have the same one. */
function noImages({ samples }: LoadedBatch, sensor: SensorName, { model, size }: SeriesConfig): StackBatch {
  const bands = sensor === "hr" ? model.hr!.bands : model[sensor]!.encoder.bands;
  const side = size * pixelsPerCell(model, sensor);
  return {
    data: new Float32Array(0),
    shape: [samples, 1, bands, side, side],
    bands: [],
    present: new Uint8Array(samples),
    mask: undefined,
    dates: Array.from({ length: samples }, () => [undefined]),
  };
}

function sensorFeeds(sensor: SensorName, stack: StackBatch, { calendar }: SkySenseConfig): Feeds {
  const [samples, dates, bands, height, width] = stack.shape;
  const size = bands * height * width;
  const days = calendar.kind === "none" ? 0 : calendar.days;
  const slot = new BigInt64Array(samples * dates);
  // The row after the calendar's last means no date.
  const day = new BigInt64Array(samples * dates).fill(BigInt(days));
  const images: Float32Array[] = [];
  for (const [at, there] of stack.present.entries()) {
    if (there === 0) continue;
    slot[at] = BigInt(images.length);
    const date = stack.dates[Math.floor(at / dates)]![at % dates];
    if (date !== undefined && days > 0) day[at] = BigInt(dayIndex(date, days));
    images.push(stack.data.subarray(at * size, (at + 1) * size));
  }
  // Where there is none, one image of zeros that nothing looks at.
  const data = new Float32Array(Math.max(1, images.length) * size);
  for (const [i, image] of images.entries()) data.set(image, i * size);
  return {
    [`${sensor}.image`]: { data, shape: [data.length / size, bands, height, width] },
    [`${sensor}.slot`]: { data: slot, shape: [samples, dates] },
    [`${sensor}.present`]: { data: Float32Array.from(stack.present), shape: [samples, dates] },
    [`${sensor}.day`]: { data: day, shape: [samples, dates] },
  };
}

function cellFeeds(
  stacks: readonly (readonly [SensorName, StackBatch])[],
  samples: number,
  { model, answer }: SeriesConfig,
): Feeds {
  const [first, { shape }] = stacks[0]!;
  const cells = (shape[3] * shape[4]) / pixelsPerCell(model, first) ** 2;
  const tokens = stacks.reduce((sum, [, stack]) => sum + stack.shape[1], 0);
  const mask = new Float32Array(samples * cells * tokens).fill(absent);
  const weight = new Float32Array(samples * cells);
  let column = 0;
  for (const [sensor, stack] of stacks) {
    const [, dates] = stack.shape;
    const side = pixelsPerCell(model, sensor);
    for (const [image, there] of stack.present.entries()) {
      if (there === 0) continue;
      const from = Math.floor(image / dates) * cells;
      const valid = validCells(stack, { image, side });
      for (let cell = 0; cell < cells; cell++) {
        if (valid?.[cell] === 0) continue;
        mask[(from + cell) * tokens + column + (image % dates)] = 0;
        weight[from + cell] = 1;
      }
    }
    column += dates;
  }
  if (answer !== "map") {
    for (let i = 0; i < samples; i++) {
      const own = weight.subarray(i * cells, (i + 1) * cells);
      const count = own.reduce((a, b) => a + b, 0);
      for (let cell = 0; cell < cells; cell++) own[cell]! /= Math.max(1, count);
    }
  }
  return {
    mask: { data: mask, shape: [samples, cells, tokens] },
    weight: { data: weight, shape: [samples, cells] },
  };
}
