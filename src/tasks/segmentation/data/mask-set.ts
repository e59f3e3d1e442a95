import { divideItems } from "../../../evaluate/divide-items.ts";
import type { ClassTable } from "../../maps/classes.ts";

/** An image with its mask. */
export interface MaskItem {
  /** Unique in its set: the image's path below the set's folder. */
  id: string;
  image: string;
  mask: string;
  /** "train", "val" or "test", where the set says so. */
  split: string | undefined;
}

/** Images with a class for every pixel. */
export interface MaskSet extends ClassTable {
  name: string;
  /** Folder, for messages. */
  path: string;
  items: readonly MaskItem[];
}

/** @see divideItems */
export function divideMasks(set: MaskSet, options: { valShare?: number | undefined; seed: number }) {
  return divideItems(set, { ...options, key: "mask split" });
}
