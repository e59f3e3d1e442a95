import { SkySenseError } from "../core/error.ts";
import type { ImageStack, SensorName } from "../core/place.ts";
import { meanVector, type SkySense } from "../embed/model.ts";
import { software } from "../embed/software.ts";
import type { Extractor } from "./extractor.ts";

export const featureNames = ["fused", "hr", "s2", "s1"] as const;
/** "fused": sensors and dates in one, with geo-context where the model has it; else what one encoder says. */
export type FeatureName = (typeof featureNames)[number];

/**
 * A model as features: the mean over the valid cells of the fused map, or of one encoder's maps, there over all dates
 * on which something is valid. Not normalised.
 */
export async function modelFeatures(model: SkySense, feature: FeatureName = "fused"): Promise<Extractor> {
  return {
    ...(await extractorFacts(model, feature)),
    async extract(places, { signal } = {}) {
      const encoded = await model.encodeCells(places, { ...(signal && { signal }) });
      return encoded.map(({ fused, valid, channels, sensors }, i) => {
        if (feature === "fused") return meanVector(fused, valid, channels);
        const maps = sensors[feature];
        if (maps === undefined) throw absentFeature(feature, Object.keys(sensors));
        return meanOfDates(maps, valid, places[i]![feature]!);
      });
    },
  };
}

/** A model read from a file goes by the file: a table may hold several that were once of one name. */
export function goingBy(given: string, model: SkySense): SkySense {
  return given.endsWith(".safetensors") ? { ...model, name: given } : model;
}

/** What a table says of a model's features. */
export async function extractorFacts(
  model: SkySense,
  features: string,
): Promise<Pick<Extractor, "name" | "parameters" | "fingerprint">> {
  return {
    name: `${model.name}${model.trained ? "" : ", random weights"}, ${features}`,
    parameters: model.parameters,
    fingerprint: JSON.stringify([software, await model.weightsHash(), model.config, features]),
  };
}

/** [dates, cells, width] → [width]. */
function meanOfDates(maps: Float32Array, valid: Uint8Array, { shape: [dates], mask }: ImageStack): Float32Array {
  const length = maps.length / dates;
  const width = length / valid.length;
  const seen = Array.from({ length: dates }, (_, t) => t).filter((t) => {
    const pixels = (mask?.length ?? 0) / dates;
    return mask === undefined || mask.subarray(t * pixels, (t + 1) * pixels).includes(1);
  });
  const out = new Float32Array(width);
  for (const t of seen) {
    const vector = meanVector(maps.subarray(t * length, (t + 1) * length), valid, width);
    for (let j = 0; j < width; j++) out[j]! += vector[j]! / seen.length;
  }
  return out;
}

/** A place without the sensor whose features are asked for. */
export function absentFeature(feature: SensorName, there: readonly string[]): SkySenseError {
  return new SkySenseError({
    code: "SENSOR_ABSENT",
    what: `features of ${feature} are asked for, but the place has ${there.join(" and ")}`,
    remedy: "Choose another of --features fused, hr, s2 and s1.",
  });
}
