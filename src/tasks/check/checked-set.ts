import type { OnFault } from "../../core/faults.ts";
import type { KeptPlace } from "../../train/data/kept-place.ts";

/** What lies in a folder, read once for all tasks. */
export interface Listing {
  /** A folder, or with labels of a vector file an image. */
  path: string;
  /** Paths below it, with slashes, sorted. */
  files: readonly string[];
  /** Items of `index.json`, where there is one. */
  index: readonly Readonly<Record<string, unknown>>[] | undefined;
}

/** One image of a set, as a task that trains on it reads it. */
export interface CheckedItem {
  id: string;
  split: string | undefined;
  /** Ground that is learnt from or judged as a whole. */
  block?: string | undefined;
  /** The image, where it is one whole file: the same bytes in two splits are a fault. */
  file?: string | undefined;
  /**
   * Read all that training reads of it.
   * @returns the images, and how much of each class there is
   * @throws SkySenseError what is wrong with it
   */
  read(): Promise<{ place: KeptPlace; counts: readonly number[]; unlabelled?: number; faults?: readonly string[] }>;
}

/** A data set as a task opens it. */
export interface CheckedSet {
  name: string;
  /** In which layout: "folders of images and masks". */
  layout: string;
  classes: readonly string[];
  /** What the classes are counted in. */
  unit: "images" | "pixels" | "boxes" | "samples" | "places";
  /** What an item is called. */
  noun: "image" | "pair" | "place" | "sample";
  /** Whether training looks at the dates of images. Default: it does not. */
  dated?: boolean;
  items: readonly CheckedItem[];
  /** What a user should know of it. */
  notes: readonly string[];
  /**
   * How training would divide it.
   * @throws SkySenseError `NO_SPLIT` | `ONE_BLOCK`
   */
  divide(): { train: ReadonlySet<string>; val: ReadonlySet<string> };
}

/**
 * What a task gives so that `data check` knows its data: whether a folder is of one of its layouts, and how to open it.
 * Both use the readers that training uses, so that what is wrong is said in the same words.
 */
export interface DataCheck<Options> {
  task: string;
  claims(listing: Listing, options: Options): boolean;
  /** @throws SkySenseError what no reader can pass over */
  open(path: string, options: Options & { onFault: OnFault }): Promise<CheckedSet>;
}
