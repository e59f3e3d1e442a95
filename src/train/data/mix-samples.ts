import { SkySenseError } from "../../core/error.ts";
import { sensorNames } from "../../core/place.ts";
import type { AugmentedPlace, Recipe } from "./augment.ts";
import { blend, type Mix, mixImages } from "./mix.ts";

/** A sample as it is mixed: its images and its labels [classes]. */
export interface Mixable {
  id: string;
  place: Omit<AugmentedPlace, "crop">;
  labels: Float32Array;
}

/**
 * Mix two samples into each other in place, images of all sensors and labels. The box of CutMix is a whole number of
 * pixels of the coarsest sensor.
 *
 * @throws SkySenseError `CANNOT_MIX`: series and partly empty images have nothing that lies above each other
 */
export function mixSamples(a: Mixable, b: Mixable, mix: Mix, { sensors }: Pick<Recipe, "sensors">): void {
  const present = sensorNames.filter((sensor) => a.place[sensor] ?? b.place[sensor]);
  for (const sensor of present) {
    for (const { id, place } of [a, b]) {
      const stack = place[sensor];
      if (stack?.dates.length === 1 && stack.mask === undefined) continue;
      throw new SkySenseError({
        code: "CANNOT_MIX",
        what: `MixUp and CutMix need one whole ${sensor} image of every place`,
        where: id,
        remedy: "Train without them on series, on places that lack a sensor and on images with nodata.",
      });
    }
  }
  const snapped = snap(mix, Math.min(...present.map((sensor) => sensors[sensor]!.size)));
  let own = 1;
  for (const sensor of present) {
    own = mixImages(a.place[sensor]!.data, b.place[sensor]!.data, sensors[sensor]!.size, snapped);
  }
  blend(a.labels, b.labels, own);
}

function snap(mix: Mix, side: number): Mix {
  if (mix.kind === "mixUp") return mix;
  const [top, left, height, width] = mix.box;
  const [row, column] = [Math.round(top * side), Math.round(left * side)];
  const rows = Math.round((top + height) * side) - row;
  const columns = Math.round((left + width) * side) - column;
  return { kind: "cutMix", box: [row / side, column / side, rows / side, columns / side] };
}
