import { divideItems } from "../../../evaluate/divide-items.ts";
import type { PlaceSource } from "../../../imagery/scene/place-source.node.ts";
import type { LabelMapFile } from "../../../train/data/label-map.ts";
import type { MapClass } from "../../maps/classes.ts";
import type { Answer } from "../head.ts";

/** A place with images of any sensors and dates, and what is known of it. */
export interface DatedItem {
  /** Unique in its set. */
  id: string;
  /** "train", "val" or "test", where the set says so. */
  split: string | undefined;
  source: PlaceSource;
  /** Classes of the place as a whole; none where its cells have classes. */
  labels: readonly number[];
  /** Classes of its cells. */
  labelMap?: LabelMapFile;
}

/** Dated places with labels. */
export interface DatedSet {
  name: string;
  /** Folder, for messages. */
  path: string;
  /** In words: "PASTIS". */
  layout: string;
  answer: Answer;
  classes: readonly MapClass[];
  items: readonly DatedItem[];
  /** What a user should know of it. */
  notes?: readonly string[];
}

/** What is learnt from and what is judged. @see divideItems */
export function divideDated(set: DatedSet, options: { valShare?: number | undefined; seed: number }) {
  return divideItems(set, { ...options, key: "dated split" });
}
