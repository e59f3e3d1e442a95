import type { SensorName } from "../../../core/place.ts";
import { divideItems } from "../../../evaluate/divide-items.ts";
import type { OpenSceneOptions } from "../../../imagery/scene/open-scene.node.ts";
import type { LabelCoding } from "../../../train/data/label-map.ts";
import type { TrainingSample } from "../../../train/data/loader.node.ts";
import { type ClassTable, parseClassTable } from "../../maps/classes.ts";

/** Two images of one place, and where it changed. Paths are absolute, or relative to the working folder. */
export interface ChangeItem {
  /** Unique in its set. */
  id: string;
  /** One file, or one for each band or resolution. */
  before: readonly string[];
  after: readonly string[];
  /** ISO 8601, where the set says them. */
  dates?: readonly [before: string, after: string] | undefined;
  mask: string;
  /** What its values mean, where masks of a set differ in that. */
  coding?: LabelCoding | undefined;
  /** "train", "val" or "test", where the set says so. */
  split: string | undefined;
}

/** Pairs of images with masks of change. */
export interface ChangeSet extends ClassTable {
  name: string;
  /** Folder, for messages. */
  path: string;
  /** In words: "folders A, B and label". */
  layout: string;
  /** Of all images; undefined: nothing says it, so they are HR. */
  sensor: SensorName | undefined;
  /** What is known of all images and not in them. */
  scene?: OpenSceneOptions | undefined;
  items: readonly ChangeItem[];
  /** What a user should know of it. */
  notes?: readonly string[];
}

/** Of masks that hold 0 where nothing changed, and 255 (as most sets do) or 1 where something did. */
export const plainChange: ClassTable = {
  ...parseClassTable(
    {
      classes: [
        { name: "unchanged", value: 0, colour: "#d9d9d9" },
        { name: "changed", value: 255, colour: "#d62728" },
      ],
    },
    "",
  ),
  coding: {
    values: [
      [0, 0],
      [255, 1],
      [1, 1],
    ],
    colours: [],
  },
};

/** @see divideItems */
export function dividePairs(set: ChangeSet, options: { valShare?: number | undefined; seed: number }) {
  return divideItems(set, { ...options, key: "change split" });
}

/** A set's item as the loader takes it: a place with two dates. */
export function sampleOf(
  { id, before, after, dates, mask, coding }: ChangeItem,
  { set, scene }: { set: ChangeSet; scene?: OpenSceneOptions | undefined },
): TrainingSample {
  const { signal: _, ...said } = { ...set.scene, ...scene };
  const files = [...before, ...after];
  // A user's own description comes first.
  const describe = dates && { files: files.map((file, i) => ({ file, dates: dates[i < before.length ? 0 : 1] })) };
  return {
    id,
    labels: [],
    source: {
      files,
      options: {
        ...(describe && { describe }),
        ...(set.sensor && { sensor: set.sensor }),
        ...said,
        moments: [before.length, after.length],
        hrPixelsPerCell: 1,
      },
    },
    labelMap: { file: mask, coding: coding ?? set.coding },
  };
}
