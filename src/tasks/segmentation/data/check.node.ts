import type { OpenSceneOptions } from "../../../imagery/scene/open-scene.node.ts";
import { countLabels } from "../../../train/data/label-map.ts";
import { readSample } from "../../../train/data/read-sample.node.ts";
import type { DataCheck } from "../../check/checked-set.ts";
import { hasMask } from "../../maps/mask-index.ts";
import { sampleOf } from "../finetune.node.ts";
import { hasMonthlyLabels } from "./dynamic-earth-net.node.ts";
import { hasPairs } from "./folder-pairs.node.ts";
import { divideMasks } from "./mask-set.ts";
import { type OpenMaskSetOptions, openMaskSet } from "./open-mask-set.node.ts";

export interface MaskCheckOptions {
  masks?: OpenMaskSetOptions;
  scene?: OpenSceneOptions | undefined;
  valShare?: number | undefined;
  seed: number;
}

/** Images with masks, or with polygons and points of a vector file. */
export const segmentationCheck: DataCheck<MaskCheckOptions> = {
  task: "segmentation",
  claims: ({ files, index }, { masks = {} }) =>
    masks.images !== undefined ||
    (index === undefined
      ? hasPairs(files) || hasMonthlyLabels(files)
      : index.some((item) => hasMask(item, masks.sensor))),
  async open(path, { masks, scene, valShare, seed, onFault }) {
    const set = await openMaskSet(path, { ...masks, onFault });
    const { name, layout, notes = [] } = set;
    return {
      ...{ name, layout, notes, unit: "pixels", noun: "image" },
      classes: set.classes.map((one) => one.name),
      items: set.items.map((item) => ({
        id: item.id,
        split: item.split,
        block: item.block,
        file: item.window === undefined ? item.image : undefined,
        async read() {
          const { source, labelMap } = sampleOf(item, { set, scene });
          const place = await readSample(source, labelMap);
          return { place, ...countLabels(place.labelMap!, set.classes.length) };
        },
      })),
      divide() {
        const { train, val } = divideMasks(set, { valShare, seed });
        return { train: new Set(train.map(({ id }) => id)), val: new Set(val.map(({ id }) => id)) };
      },
    };
  },
};
