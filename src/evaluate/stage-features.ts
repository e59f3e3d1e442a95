import { SkySenseError } from "../core/error.ts";
import { sensorNames } from "../core/place.ts";
import type { EncodedStages } from "../embed/encode-stages.ts";
import type { SkySense } from "../embed/model.ts";
import type { Extractor } from "./extractor.ts";
import { absentFeature, extractorFacts } from "./model-features.ts";

export const stageNames = ["stage1", "stage2", "stage3", "stage4"] as const;
export type StageName = (typeof stageNames)[number];

/**
 * The HR encoder as features at several scales: mean and standard deviation of the maps of some stages, one after the
 * other, over all valid cells and dates. The deviations tell textures, which the means of the first stages do not.
 *
 * @param stages  Of {@link stageNames}, the finest first.
 */
export async function stageFeatures(model: SkySense, stages: readonly StageName[]): Promise<Extractor> {
  return {
    ...(await extractorFacts(model, stages.join(", "))),
    async extract(places, { signal } = {}) {
      const images = places.map((place) => {
        if (place.hr !== undefined) return place.hr;
        const there = sensorNames.filter((name) => place[name] !== undefined);
        throw absentFeature("hr", there);
      });
      const encoded = await model.encodeStages(images, { ...(signal && { signal }) });
      return encoded.map((one) => {
        const parts = stages.map((name) => momentsOf(one, name));
        return Float32Array.from(parts.flatMap((part) => [...part]));
      });
    },
  };
}

function absentStage(name: StageName, stages: EncodedStages["stages"]): SkySenseError {
  return new SkySenseError({
    code: "STAGE_ABSENT",
    what: `the HR encoder of this model does not give ${name}, but ${stages.map((stage) => stage.name).join(", ")}`,
    remedy: "Choose among these by --features.",
  });
}

/**
 * Mean, then deviation of each channel.
 * @throws SkySenseError `STAGE_ABSENT`
 */
function momentsOf({ stages, valid }: EncodedStages, name: StageName): Float64Array {
  const found = stages.find((stage) => stage.name === name);
  if (found === undefined) throw absentStage(name, stages);
  const { data, shape } = found;
  const [dates, height, width, channels] = shape;
  const fine = height / stages.at(-1)!.shape[1];
  const moments = new Float64Array(2 * channels);
  let count = 0;
  for (let t = 0; t < dates; t++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const cell = ((t * height) / fine + Math.floor(row / fine)) * (width / fine) + Math.floor(column / fine);
        if (valid?.[cell] === 0) continue;
        count++;
        const from = ((t * height + row) * width + column) * channels;
        for (let j = 0; j < channels; j++) {
          moments[j]! += data[from + j]!;
          moments[channels + j]! += data[from + j]! ** 2;
        }
      }
    }
  }
  return moments.map((sum, j) => {
    if (j < channels) return sum / count;
    return Math.sqrt(Math.max(0, sum / count - (moments[j - channels]! / count) ** 2));
  });
}
