import type { Window } from "../../../core/grid.ts";
import { divideItems } from "../../../evaluate/divide-items.ts";
import type { OpenSceneOptions } from "../../../imagery/scene/open-scene.node.ts";
import type { LabelShapes } from "../../../train/data/label-map.ts";
import type { ClassTable } from "../../maps/classes.ts";

/** An image with its mask. */
export interface MaskItem {
  /** Unique in its set: the image's path below the set's folder. */
  id: string;
  image: string;
  /** The part of the image that it is. Default: all of it. */
  window?: Window;
  /** A file of classes, or what `shapes` were read from. */
  mask: string;
  /** Labels of a vector file, in pixels of the window. */
  shapes?: LabelShapes;
  /** "train", "val" or "test", where the set says so. */
  split: string | undefined;
  /** Ground that is learnt from or judged as a whole. */
  block?: string | undefined;
  /** Where a place is mapped again and again: which one, and the map's number; change between numbers is judged, too. */
  series?: { place: string; step: number };
}

/** Images with a class for every pixel. */
export interface MaskSet extends ClassTable {
  name: string;
  /** Folder, for messages. */
  path: string;
  /** In words: "folders of images and masks". */
  layout: string;
  /** What is known of all images and not in them. */
  scene?: OpenSceneOptions;
  items: readonly MaskItem[];
  /** What a user should know of the labels. */
  notes?: readonly string[];
}

/** @see divideItems */
export function divideMasks(set: MaskSet, options: { valShare?: number | undefined; seed: number }) {
  return divideItems(set, { ...options, key: "mask split" });
}
