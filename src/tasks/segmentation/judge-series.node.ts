import { addSemanticChange, countSemanticChange, type SemanticChangeCounts } from "../../evaluate/semantic-change.ts";
import { ignoredLabel } from "../../train/data/label-map.ts";
import type { TrainingSample } from "../../train/data/loader.node.ts";
import { readLabelMap } from "../../train/data/read-sample.node.ts";
import type { OnMap } from "../maps/judge.node.ts";
import type { MaskItem } from "./data/mask-set.ts";

/** How well the change of a place's classes from map to map was found. */
export interface JudgedSeries {
  place: string;
  counts: SemanticChangeCounts;
}

/**
 * Compare the change of classes between maps that follow each other with that between their labels. The labels are those
 * of the file, also of pixels that an image does not show, as in the published evaluation.
 *
 * @param items, samples  In the order in which `onMap` is told of maps; those of a place by their number.
 */
export function followSeries(
  items: readonly MaskItem[],
  samples: readonly TrainingSample[],
  { classes }: { classes: number },
): { onMap: OnMap; series: () => JudgedSeries[] } {
  const places = new Map<string, SemanticChangeCounts>();
  let last: { place: string; step: number; truth: Uint8Array; said: Uint8Array } | undefined;
  return {
    async onMap(position, said) {
      const { series } = items[position]!;
      if (series === undefined) return;
      const { data: truth } = await readLabelMap(samples[position]!.labelMap!);
      const { place, step } = series;
      if (last?.place === place && last.step === step - 1) {
        const pair = countSemanticChange([last.truth, truth], [last.said, said], { classes, ignore: ignoredLabel });
        const before = places.get(place);
        places.set(place, before === undefined ? pair : addSemanticChange([before, pair], [0, 1]));
      }
      last = { place, step, truth, said };
    },
    series: () => [...places].map(([place, counts]) => ({ place, counts })),
  };
}
