import { SkySenseError } from "../../core/error.ts";
import type { Place, SensorName } from "../../core/place.ts";
import { sensorNames } from "../../core/place.ts";
import type { LabelledSet, Sample } from "../../evaluate/labelled-set.ts";
import { modelBands } from "../../imagery/sensor/profiles.ts";
import type { SkySenseConfig } from "../../model/skysense.ts";
import type { ClassifierConfig } from "./head.ts";

/** What the images are, where the options do not say it. */
export interface ImageKind {
  sensor?: SensorName | undefined;
  /** Bands that the images have. */
  bands?: readonly string[] | undefined;
}

/** Images that are looked at until one can be read: the loader reports the others. */
const attempts = 10;

/** Sensor and bands of a set's images, as the first one that can be read has them. */
export async function lookAt(
  samples: readonly Sample[],
  { sensor, bands }: ImageKind,
  signal?: AbortSignal,
): Promise<ImageKind> {
  if (sensor !== undefined && bands !== undefined) return { sensor, bands };
  for (const sample of samples.slice(0, attempts)) {
    let place: Place;
    try {
      place = await sample.read({ signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof SkySenseError) continue;
      throw error;
    }
    const found = sensor ?? sensorNames.find((name) => place[name] !== undefined);
    return { sensor: found, bands: bands ?? (found && place[found]?.bands) };
  }
  return { sensor, bands };
}

/**
 * The classifier of a set's images on one encoder of a model.
 * @throws SkySenseError `SENSOR_UNKNOWN` | `MISSING_BANDS`
 */
export function classifierConfig(
  model: SkySenseConfig,
  { sensor = "hr", bands, size, set }: ImageKind & { size: number; set: LabelledSet },
): ClassifierConfig {
  if (model[sensor] === undefined) {
    throw new SkySenseError({
      code: "SENSOR_UNKNOWN",
      what: `the images are of ${sensor}, for which this model has no encoder`,
      where: set.path,
      remedy: "Choose another --model, or say --sensor if the images are of another sensor.",
    });
  }
  const count = sensor === "hr" ? model.hr!.bands : model[sensor]!.encoder.bands;
  const all = modelBands(sensor).slice(0, count);
  const positions = (bands ?? all).flatMap((band) => (all.includes(band) ? [all.indexOf(band)] : []));
  // The encoder of HR has one kernel for all bands; those of Sentinel images take any of theirs.
  if (positions.length === 0 || (sensor === "hr" && positions.length < count)) {
    throw new SkySenseError({
      code: "MISSING_BANDS",
      what: `the images have the bands ${bands!.join(", ")}, and the model takes ${all.join(", ")}`,
      where: set.path,
      remedy: `Choose another --model, or name the bands by --${sensor}.bands if they are others.`,
    });
  }
  return {
    model,
    sensor,
    size,
    classes: set.classes,
    multiLabel: set.multiLabel,
    bands: positions.sort((a, b) => a - b),
  };
}
