import type { OpenSceneOptions } from "../../../imagery/scene/open-scene.node.ts";
import { countLabels } from "../../../train/data/label-map.ts";
import { readSample } from "../../../train/data/read-sample.node.ts";
import type { DataCheck } from "../../check/checked-set.ts";
import { isPair } from "./change-index.ts";
import { dividePairs, sampleOf } from "./change-set.ts";
import { openChangeSet } from "./open-change-set.node.ts";
import { hasCities } from "./oscd-cities.node.ts";
import { hasTriplets } from "./triplets.node.ts";

export interface PairCheckOptions {
  scene?: OpenSceneOptions | undefined;
  subset?: string | undefined;
  valShare?: number | undefined;
  seed: number;
}

/** Pairs of images with masks of change. */
export const changeCheck: DataCheck<PairCheckOptions> = {
  task: "change",
  claims: ({ files, index }) => (index === undefined ? hasCities(files) || hasTriplets(files) : index.some(isPair)),
  async open(path, { scene, subset, valShare, seed, onFault }) {
    const set = await openChangeSet(path, { subset, onFault });
    const { name, layout, notes = [] } = set;
    return {
      ...{ name, layout, notes, unit: "pixels", noun: "pair" },
      classes: set.classes.map((one) => one.name),
      items: set.items.map((item) => ({
        id: item.id,
        split: item.split,
        file: item.before.length === 1 ? item.before[0] : undefined,
        async read() {
          const { source, labelMap } = sampleOf(item, { set, scene });
          const place = await readSample(source, labelMap);
          return { place, ...countLabels(place.labelMap!, set.classes.length) };
        },
      })),
      divide() {
        const { train, val } = dividePairs(set, { valShare, seed });
        return { train: new Set(train.map(({ id }) => id)), val: new Set(val.map(({ id }) => id)) };
      },
    };
  },
};
