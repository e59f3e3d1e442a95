import { type SensorName, sensorNames } from "../core/place.ts";
import { gather } from "../graph/ops/gather.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { mul } from "../graph/ops/mul.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { batchDim } from "../graph/shape.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { geoContext } from "../model/geo-context.ts";
import {
  encodeHr,
  encodeSentinel,
  fuse,
  type SensorFeatures,
  type SkySenseConfig,
  type SkySenseParams,
} from "../model/skysense.ts";
import type { EncoderTraining } from "../model/training.ts";
import type { FeedShapes } from "../train/compiled-graphs.node.ts";

/** A sensor, or what the fusion made of all. */
export type Branch = SensorName | "fused";
export const branches: readonly Branch[] = [...sensorNames, "fused"];

/** Features of the global views of a batch of places. */
export interface ViewFeatures {
  /** [places, views, dates, cells, width]; zero where there is no image. The fused features have one date. */
  maps: { [branch in Branch]?: Tensor };
  /** The fused features before the geo-context, [places, views, cells, width]. */
  plain: Tensor;
  /** HR alone, [places, local views, cells, width]. */
  local: Tensor | undefined;
}

/** Extents of a batch's feeds: see `feedsOf`. */
export interface ViewShapes {
  places: number;
  views: number;
  locals: number;
  cells: number;
  /** How many of the cells are fused. */
  fused: number;
  dates: { [sensor in SensorName]?: number };
}

export function viewShapes(shapes: FeedShapes): ViewShapes {
  const dates: ViewShapes["dates"] = {};
  for (const sensor of sensorNames) {
    const present = shapes[`${sensor}.present`];
    if (present !== undefined) dates[sensor] = present[2]!;
  }
  const places = shapes.ramp![0]!;
  const [rows, cells] = shapes.mask as readonly [number, number, number];
  const fused = shapes["fused.pick"]?.[2] ?? cells;
  const locals = shapes["hr.local"] === undefined ? 0 : shapes["hr.local"][0]! / places;
  return { places, views: rows / places, cells, fused, dates, locals };
}

/** The inputs of the graph; the same tensors for student and teacher. */
export function viewInputs(shapes: FeedShapes, { places, views, cells, dates }: ViewShapes) {
  const perSensor = (Object.keys(dates) as SensorName[]).map((sensor) => {
    const [, bands, height, width] = shapes[`${sensor}.image`] as [number, number, number, number];
    const count = dates[sensor]!;
    return [
      sensor,
      {
        image: input(`${sensor}.image`, [batchDim(sensor), bands, height, width]),
        slot: input(`${sensor}.slot`, [places * views * count], "int64"),
        present: input(`${sensor}.present`, [places, views, count]),
        day: input(`${sensor}.day`, [places * views, count], "int64"),
      },
    ] as const;
  });
  const tokens = Object.values(dates).reduce((sum, count) => sum + count, 0);
  const local = shapes["hr.local"];
  const pick = shapes["fused.pick"];
  return {
    sensors: Object.fromEntries(perSensor) as { [sensor in SensorName]?: (typeof perSensor)[number][1] },
    local: local && input("hr.local", local),
    pick: pick && input("fused.pick", pick),
    mask: input("mask", [places * views, cells, tokens]),
    region: input("region", [places * views], "int64"),
    known: input("known", [places * views]),
  };
}

export type ViewInputs = ReturnType<typeof viewInputs>;

/**
 * Encode the views of a batch with the parameters of the student or of the teacher.
 *
 * @param options.locals  Encode local views, too: the student alone sees them.
 */
export function encodeViews(
  p: SkySenseParams,
  inputs: ViewInputs,
  config: SkySenseConfig,
  { shapes, locals, training = {} }: { shapes: ViewShapes; locals: boolean; training?: EncoderTraining },
): ViewFeatures {
  const { places, views, cells, dates } = shapes;
  const width = config.fusion.inputWidth;
  const features: SensorFeatures = {};
  const days: SensorFeatures = {};
  const maps: ViewFeatures["maps"] = {};
  for (const [sensor, { image, slot, present, day }] of Object.entries(inputs.sensors) as [
    SensorName,
    NonNullable<ViewInputs["sensors"][SensorName]>,
  ][]) {
    const encoded = encode(p, sensor, image, config, training);
    const slots = places * views * dates[sensor]!;
    // Only images that are there were encoded; the others' places are zero.
    const filled = mul(gather(encoded, slot), reshape(present, [slots, 1, 1]));
    const all = reshape(filled, [places * views, dates[sensor]!, cells, width]);
    features[sensor] = inputs.pick === undefined ? all : matMul(inputs.pick, all);
    maps[sensor] = reshape(filled, [places, views, dates[sensor]!, cells, width]);
    if (config.calendar.kind === "dated" || (config.calendar.kind === "s2" && sensor === "s2")) days[sensor] = day;
  }
  const mask = fusedMask(inputs);
  const plain = fuse(p, features, config, { days, mask, training });
  const fused = config.geoContext === undefined ? plain : geoContext(p.geo_context!, plain, inputs);
  maps.fused = reshape(fused, [places, views, 1, shapes.fused, fused.shape.at(-1)!]);
  let local: Tensor | undefined;
  if (locals && inputs.local !== undefined) {
    const map = encode(p, "hr", inputs.local, withFittingWindows(config, inputs.local), training);
    local = reshape(map, [places, shapes.locals, map.shape[1]!, width]);
  }
  return { maps, plain: reshape(plain, [places, views, shapes.fused, config.fusion.width]), local };
}

/** [places · views, fused cells, tokens]: of the cells that were drawn for the fusion. */
export function fusedMask({ pick, mask }: Pick<ViewInputs, "pick" | "mask">): Tensor {
  if (pick === undefined) return mask;
  const [rows, , fused, cells] = pick.shape as [number, number, number, number];
  return matMul(reshape(pick, [rows, fused, cells]), mask);
}

/**
 * The model for images whose maps are smaller than its windows: there a window is the whole map. Its weights are the
 * same, and so is what they say of a distance.
 */
function withFittingWindows(config: SkySenseConfig, image: Tensor): SkySenseConfig {
  const { window, pretrainedWindow, depths, patch } = config.hr!;
  const [, , height, width] = image.shape as [unknown, number, number, number];
  const windows = depths.map((_, stage) => (typeof window === "number" ? window : window[stage]!));
  const sides = depths.map((_, stage) => Math.ceil(Math.min(height, width) / (patch * 2 ** stage)));
  if (windows.every((side, stage) => side <= sides[stage]!)) return config;
  const hr = {
    ...config.hr!,
    window: windows.map((side, stage) => Math.min(side, sides[stage]!)),
    pretrainedWindow: windows.map((side, stage) => pretrainedWindow[stage] || side),
  };
  return { ...config, hr };
}

function encode(
  p: SkySenseParams,
  sensor: SensorName,
  image: Tensor,
  config: SkySenseConfig,
  training: EncoderTraining,
) {
  if (sensor === "hr") return encodeHr(p.backbone_hr!, image, config.hr!, { training }).x;
  const parameters = { backbone: p[`backbone_${sensor}`]!, head: p[`head_${sensor}`]! };
  return encodeSentinel(parameters, image, config[sensor]!, { training }).feature.x;
}
