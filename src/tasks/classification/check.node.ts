import { join } from "node:path";
import { divide } from "../../evaluate/labelled-set.ts";
import { notImages, openSet } from "../../evaluate/open-set.node.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { keepPlace } from "../../train/data/kept-place.ts";
import type { DataCheck } from "../check/checked-set.ts";

export interface ClassificationCheckOptions {
  scene?: OpenSceneOptions | undefined;
  subset?: string | undefined;
  trainRatio?: number | undefined;
  seed: number;
}

/** Scenes with a class or several, by folder or by index; series of pixels. */
export const classificationCheck: DataCheck<ClassificationCheckOptions> = {
  task: "classification",
  claims: ({ files, index }) => {
    if (index !== undefined) return index.some((item) => isLabelled(item) || Array.isArray(item.samples));
    return files.includes("index.csv") || files.some((file) => file.split("/").length === 2 && !notImages.test(file));
  },
  async open(path, { scene, subset, trainRatio, seed, onFault }) {
    const set = await openSet(path, { onFault, ...(scene && { scene }), ...(subset !== undefined && { subset }) });
    const { name, layout = "series of pixels", classes } = set;
    const series = set.samples.every(({ file }) => file === undefined);
    return {
      ...{ name, layout, classes, notes: [], unit: series ? "samples" : "images", noun: series ? "sample" : "image" },
      items: set.samples.map((sample) => ({
        id: sample.id,
        split: sample.split,
        file: sample.file && join(path, sample.file),
        async read() {
          const place = keepPlace(await sample.read());
          return { place, counts: classes.map((_, k) => Number(sample.labels.includes(k))) };
        },
      })),
      divide() {
        const { train, test } = divide(set, { trainRatio, seed });
        return { train: new Set(train.map(({ id }) => id)), val: new Set(test.map(({ id }) => id)) };
      },
    };
  },
};

/** An image with a label that names a class, not a file of labels. */
function isLabelled({ file, label, labels }: Readonly<Record<string, unknown>>): boolean {
  if (typeof file !== "string") return false;
  return (typeof label === "string" && !/\.(tiff?|png)$/i.test(label)) || Array.isArray(labels);
}
