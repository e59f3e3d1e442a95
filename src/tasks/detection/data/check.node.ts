import type { OpenSceneOptions } from "../../../imagery/scene/open-scene.node.ts";
import { readSample } from "../../../train/data/read-sample.node.ts";
import type { DataCheck } from "../../check/checked-set.ts";
import { sampleOf } from "../finetune.node.ts";
import { divideBoxes } from "./box-set.ts";
import { isAnnotation, type OpenBoxSetOptions, openBoxSet } from "./open-box-set.node.ts";

export interface BoxCheckOptions {
  boxes?: Partial<OpenBoxSetOptions>;
  scene?: OpenSceneOptions | undefined;
  valShare?: number | undefined;
  seed: number;
}

/** Images with boxes, or with polygons of a vector file. */
export const detectionCheck: DataCheck<BoxCheckOptions> = {
  task: "detection",
  claims: ({ files, index }) =>
    index === undefined
      ? files.some(
          (file) =>
            isAnnotation(file) ||
            /(^|\/)(instances|annotations?|coco)[^/]*\.json$|annotations\/[^/]*\.json$/i.test(file),
        )
      : index.some(
          ({ boxes, labels }) => Array.isArray(boxes) || (typeof labels === "string" && labels.endsWith(".txt")),
        ),
  async open(path, { boxes, scene, valShare, seed, onFault }) {
    const set = await openBoxSet(path, { oriented: false, ...boxes, onFault });
    const { name, layout, classes, notes = [] } = set;
    return {
      ...{ name, layout, classes, notes, unit: "boxes", noun: "image" },
      items: set.items.map((item) => ({
        id: item.id,
        split: item.split,
        block: item.block,
        file: item.window === undefined ? item.image : undefined,
        async read() {
          const place = await readSample(sampleOf(item, scene).source, undefined);
          const counts = classes.map(() => 0);
          for (const label of item.labels) counts[label]!++;
          return { place, counts };
        },
      })),
      divide() {
        const { train, val } = divideBoxes(set, { valShare, seed });
        return { train: new Set(train.map(({ id }) => id)), val: new Set(val.map(({ id }) => id)) };
      },
    };
  },
};
