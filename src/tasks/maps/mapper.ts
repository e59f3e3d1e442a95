import { SkySenseError } from "../../core/error.ts";
import type { SensorName } from "../../core/place.ts";
import { period, pixelsPerCell } from "../../embed/prepare.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import type { EncoderConfig } from "../../model/encoder.ts";
import type { SkySenseConfig } from "../../model/skysense.ts";
import { adaptersOf, type TuningSettings } from "../../train/tuning.ts";
import type { MapClass } from "./classes.ts";

/** What every model is that gives pixels classes: an encoder and some head. */
export interface MapperConfig extends EncoderConfig {
  /** Side of the crops that it learnt from, in pixels. */
  size: number;
  classes: readonly MapClass[];
}

/**
 * Pixels along a side that get one vector of scores before these are interpolated: a patch of HR images. Sentinel
 * images, of which single pixels matter, are interpolated within the graph.
 */
export function stride({ sensor, model }: Pick<MapperConfig, "sensor" | "model">): number {
  return sensor === "hr" ? model.hr!.patch : 1;
}

/**
 * What a mapper on an encoder is, but for its head.
 *
 * @param options.bands  That the images have. Default: the model's.
 * @throws SkySenseError `SENSOR_UNKNOWN` | `BAD_SIZE`
 */
export function mapperConfig(
  model: SkySenseConfig,
  settings: { size: number } & Pick<TuningSettings, "mode" | "rank">,
  {
    sensor,
    classes,
    bands,
  }: { sensor: SensorName; classes: readonly MapClass[]; bands?: readonly string[] | undefined },
): MapperConfig {
  if (model[sensor] === undefined) {
    throw new SkySenseError({
      code: "SENSOR_UNKNOWN",
      what: `this model has no encoder for ${sensor}`,
      remedy: "Choose another model or --sensor.",
    });
  }
  const { size } = settings;
  const step = encoderStep({ model, sensor });
  if (size % step !== 0) {
    throw new SkySenseError({
      code: "BAD_SIZE",
      what: `crops of ${size} pixels do not hold whole windows of the encoder, which repeat every ${step}`,
      remedy: `Choose a multiple of ${step} as --size.`,
    });
  }
  const count = sensor === "hr" ? model.hr!.bands : model[sensor]!.encoder.bands;
  const all = modelBands(sensor).slice(0, count);
  const positions = (bands ?? all).flatMap((band) => (all.includes(band) ? [all.indexOf(band)] : []));
  return { model, sensor, size, classes, bands: positions.sort((a, b) => a - b), ...adaptersOf(settings) };
}

/** Pixels after which patches and windows of the encoder repeat. */
export function encoderStep({ model, sensor }: Pick<MapperConfig, "model" | "sensor">): number {
  return pixelsPerCell(model, sensor) * period(model, sensor);
}
