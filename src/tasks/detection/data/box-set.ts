import { SkySenseError } from "../../../core/error.ts";
import { type OnFault, refuse } from "../../../core/faults.ts";
import type { Window } from "../../../core/grid.ts";
import { divideItems } from "../../../evaluate/divide-items.ts";
import { fromHorizontal, fromPolygons } from "../../../model/detection/rotated/rotated-boxes.ts";
import type { Annotated, Annotation } from "./annotation.ts";

/** An image with its objects. */
export interface BoxItem {
  /** Unique in its set: the image's path below the set's folder. */
  id: string;
  image: string;
  /** The part of the image that it is. Default: all of it. */
  window?: Window | undefined;
  /** "train", "val" or "test", where the set says so. */
  split: string | undefined;
  /** Ground that is learnt from or judged as a whole. */
  block?: string | undefined;
  /** Pixels: [n, 4], or [n, 5] with an angle in an oriented set. */
  boxes: Float32Array<ArrayBuffer>;
  /** Positions among the set's classes. */
  labels: Int32Array<ArrayBuffer>;
  /** 1 where a detector is not judged by it. */
  difficult: Uint8Array<ArrayBuffer>;
}

/** Images with boxes around their objects. */
export interface BoxSet {
  name: string;
  /** Folder, for messages. */
  path: string;
  classes: readonly string[];
  oriented: boolean;
  items: readonly BoxItem[];
  /** Objects that were left out, and why. */
  leftOut: readonly string[];
  /** In words: "COCO". */
  layout: string;
  /** What a user should know of the annotations. */
  notes?: readonly string[];
}

/** What an annotation file says, and of which image. */
export interface Found extends Pick<BoxItem, "id" | "image" | "window" | "split" | "block"> {
  /** For messages. */
  file: string;
  annotation: Annotation;
}

export interface BoxRules {
  /** Horizontal boxes are drawn around oriented ones, or horizontal ones taken as oriented. */
  oriented: boolean;
  /** Names in the order of the labels; default: those that occur, in alphabetical order. */
  classes?: readonly string[] | undefined;
  /** Objects outside of their image or without extent: an error, or left out. */
  badBoxes?: "refuse" | "leave out" | undefined;
  /** What to do with any other fault that can be left out. Default: end. */
  onFault?: OnFault | undefined;
}

/**
 * Make a set of what files say.
 *
 * @throws SkySenseError `BAD_BOX` | `UNKNOWN_CLASS` | `NO_OBJECTS` | `IMAGE_TWICE`
 */
export function toBoxSet(
  all: readonly Found[],
  {
    name,
    path,
    layout,
    oriented,
    classes: given,
    badBoxes = "refuse",
    onFault = refuse,
  }: BoxRules & Pick<BoxSet, "name" | "path" | "layout">,
): BoxSet {
  const found = withoutRepeats(all, onFault);
  const names = new Set(found.flatMap(({ annotation }) => annotation.objects.map((object) => object.name)));
  if (names.size === 0) {
    throw new SkySenseError({
      code: "NO_OBJECTS",
      what: `none of the ${found.length} images has an object`,
      where: path,
      remedy: "Give a set with objects; single images without one are fine.",
    });
  }
  const classes = given ?? [...names].sort();
  const leftOut: string[] = [];
  const items = found.map((file): BoxItem => {
    const objects = file.annotation.objects.flatMap((object, i) => {
      const label = classes.indexOf(object.name);
      if (label < 0) onFault(unknownClass(object, classes, file.file));
      const fault = faultOf(object, file.annotation.size);
      if (fault === undefined) return label < 0 ? [] : [{ ...object, label }];
      const said = `${object.called ?? `object ${i + 1}`} (${object.name}) ${fault}`;
      if (badBoxes === "refuse") onFault(badBox(said, file.file));
      else leftOut.push(`${file.file}: ${said}`);
      return [];
    });
    return {
      ...{ id: file.id, image: file.image, window: file.window, split: file.split, block: file.block },
      boxes: boxesOf(objects, file.annotation.size, oriented),
      labels: Int32Array.from(objects, ({ label }) => label),
      difficult: Uint8Array.from(objects, ({ difficult }) => Number(difficult)),
    };
  });
  return { name, path, layout, classes, oriented, items, leftOut };
}

/** Two files about one image contradict each other, or count its objects twice; the first is kept. */
function withoutRepeats(found: readonly Found[], onFault: OnFault): Found[] {
  const known = new Map<string, Found>();
  for (const one of found) {
    const first = known.get(one.id);
    if (first === undefined) known.set(one.id, one);
    else {
      onFault(
        new SkySenseError({
          code: "IMAGE_TWICE",
          what: `the objects of ${one.id} stand there twice${first.file === one.file ? "" : `, and in ${first.file} too`}`,
          where: one.file,
          remedy: "Keep one of them: give a folder with annotations of one kind.",
        }),
      );
    }
  }
  return [...known.values()];
}

/** What is learnt from and what is judged. @see divideItems */
export function divideBoxes(set: BoxSet, options: { valShare?: number | undefined; seed: number }) {
  return divideItems(set, { ...options, key: "box split" });
}

function unknownClass({ name }: Annotated, classes: readonly string[], where: string): SkySenseError {
  return new SkySenseError({
    code: "UNKNOWN_CLASS",
    what: `"${name}" is none of the classes ${classes.join(", ")}`,
    where,
    remedy: "Add it to --classes, or correct the file.",
  });
}

function badBox(what: string, where: string): SkySenseError {
  return new SkySenseError({
    code: "BAD_BOX",
    what,
    where,
    remedy: 'Correct it, or have such objects left out: { badBoxes: "leave out" } (--skip-bad-boxes).',
  });
}

/** What is wrong with an object's box, if anything. */
function faultOf({ corners }: Annotated, size: Annotation["size"]): string | undefined {
  const [x1, y1, x2, y2] = hull(corners);
  // Two sides of a quadrilateral may fall on a line only if its area is zero.
  if (corners.length === 4 ? corners[0]! >= corners[2]! || corners[1]! >= corners[3]! : x1 >= x2 || y1 >= y2) {
    return `has no extent (${corners.join(" ")})`;
  }
  if (size === undefined) return x2 <= 0 || y2 <= 0 ? `lies outside of the image (${corners.join(" ")})` : undefined;
  const [height, width] = size;
  if (x2 > 0 && y2 > 0 && x1 < width && y1 < height) return undefined;
  return `lies outside of the image of ${width}×${height} pixels (${corners.join(" ")})`;
}

function hull(corners: readonly number[]): [number, number, number, number] {
  const xs = corners.filter((_, k) => k % 2 === 0);
  const ys = corners.filter((_, k) => k % 2 === 1);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function boxesOf(
  objects: readonly Annotated[],
  size: Annotation["size"],
  oriented: boolean,
): Float32Array<ArrayBuffer> {
  if (!oriented) return Float32Array.from(objects.flatMap(({ corners }) => inside(hull(corners), size)));
  return Float32Array.from(
    objects.flatMap(({ corners }) => [
      ...(corners.length === 4
        ? fromHorizontal(Float32Array.from(inside(hull(corners), size)))
        : fromPolygons(Float32Array.from(corners))),
    ]),
  );
}

/** A horizontal box cut at the image's border. */
function inside([x1, y1, x2, y2]: readonly [number, number, number, number], size: Annotation["size"]): number[] {
  const [height, width] = size ?? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  return [Math.max(x1, 0), Math.max(y1, 0), Math.min(x2, width), Math.min(y2, height)];
}
