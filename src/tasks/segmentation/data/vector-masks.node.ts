import { basename, resolve } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { type OnFault, refuse } from "../../../core/faults.ts";
import { blockNotes } from "../../../evaluate/choose-block.ts";
import { type LabelledTile, openLabelledTiles, type VectorLabels } from "../../../evaluate/labelled-tiles.node.ts";
import type { Coordinates } from "../../../imagery/vector/feature.ts";
import { clipRing, type LabelledShape } from "../../../imagery/vector/rasterise.ts";
import { drawLabels, ignoredLabel } from "../../../train/data/label-map.ts";
import { type ClassTable, type MapClass, tableOfNames } from "../../maps/classes.ts";
import type { MaskItem, MaskSet } from "./mask-set.ts";

export interface VectorMaskOptions extends VectorLabels {
  /** The class of what lies in no polygon. Default: it counts for nothing. */
  background?: string | undefined;
  /** Where no table is given: classes of a model, whose names are values of the class field. */
  modelClasses?: readonly MapClass[] | undefined;
}

/**
 * Open images with polygons or points of a vector file as a set for segmentation. A pixel has the class of the last
 * polygon that its centre lies in; a point labels the pixel that it lies in, above polygons.
 *
 * @param data  An image, or a folder of images.
 * @param table  Classes, whose names are values of the class field. Default: the values that occur, in alphabetical order.
 * @throws SkySenseError `UNKNOWN_CLASS` | `ONE_CLASS` | `TOO_MANY_CLASSES` | `POINTS_AND_BACKGROUND` | `NO_LABELS`, and
 *   those of `openLabelledTiles`
 */
export async function openVectorMasks(
  data: string,
  options: VectorMaskOptions,
  { table, onFault = refuse }: { table?: ClassTable | undefined; onFault?: OnFault | undefined } = {},
): Promise<MaskSet> {
  const { labels: file, background } = options;
  const { tiles, notes, blockMetres } = await openLabelledTiles(data, options);
  const classes = table ?? tableOfModel(options) ?? tableOfValues(tiles, options);
  const positions = new Map(classes.classes.map(({ name }, k) => [name, k]));
  const labelOf = (value: string, feature?: number) => {
    const label = positions.get(value);
    if (label === undefined) onFault(unknownClass(value, { feature, file, classes }));
    return label ?? ignoredLabel;
  };
  const elsewhere = background === undefined ? ignoredLabel : labelOf(background);
  const items = tiles.flatMap((tile): MaskItem[] => {
    const shapes = { file, ...sizeOf(tile), elsewhere, shapes: shapesOf(tile, { labelOf, file, background }) };
    if (!drawLabels(shapes).data.some((label) => label !== ignoredLabel)) return [];
    const { id, window, block, image } = tile;
    return [{ id, image: image.image, window, mask: file, shapes, split: image.split, block }];
  });
  if (items.length === 0) throw noLabels(file);
  return {
    name: basename(resolve(data)),
    path: data,
    layout: "images with shapes of a vector file",
    ...classes,
    items,
    notes: [...notes, ...blockNotes(blockMetres, items)],
  };
}

function sizeOf({ window: [, , width, height] }: LabelledTile) {
  return { width, height };
}

/** Polygons in the order of the file, then points, in pixels of the tile. */
function shapesOf(
  { features, window: [left, top, width, height] }: LabelledTile,
  {
    labelOf,
    file,
    background,
  }: { labelOf: (value: string, feature: number) => number; file: string; background: string | undefined },
): LabelledShape[] {
  const polygons: LabelledShape[] = [];
  const points: LabelledShape[] = [];
  const moved = (from: Coordinates) => from.map((v, k) => v - (k % 2 === 0 ? left : top));
  for (const { id, value, polygons: parts, points: own } of features) {
    const label = labelOf(value, id);
    for (const part of parts) {
      // A border of one pixel, so that no side of the rectangle that cuts runs through the centre of a pixel.
      const rings = part.map((ring) => clipRing(moved(ring), [-1, -1, width + 1, height + 1]));
      const kept = rings.filter((ring) => ring.length >= 6);
      if (kept.length > 0) polygons.push({ label, rings: kept });
    }
    if (own.length > 0 && background !== undefined) throw pointsAndBackground(file, id);
    const at = moved(own).map(Math.floor);
    for (let k = 0; k < at.length; k += 2) points.push({ label, rings: [pixel(at[k]!, at[k + 1]!)] });
  }
  return [...polygons, ...points];
}

/** The outline of one pixel. */
function pixel(x: number, y: number): Coordinates {
  return Float64Array.of(x, y, x + 1, y, x + 1, y + 1, x, y + 1);
}

function tableOfModel({ modelClasses: classes }: VectorMaskOptions): ClassTable | undefined {
  return classes && { classes, coding: { values: [], colours: [] } };
}

function tableOfValues(
  tiles: readonly LabelledTile[],
  { labels, background, classField }: VectorMaskOptions,
): ClassTable {
  const values = new Set(tiles.flatMap(({ features }) => features.map(({ value }) => value)));
  if (background !== undefined) values.delete(background);
  const names = [...values].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  if (background !== undefined) names.unshift(background);
  if (names.length < 2) {
    const field =
      classField === undefined
        ? "name the field that holds the class by --class-field"
        : "give another --class-field";
    throw new SkySenseError({
      code: "ONE_CLASS",
      what: `all labels are of one class, ${names[0] ?? "none"}`,
      where: labels,
      remedy: `A map needs two: say what everything else is by --background other, or ${field}.`,
    });
  }
  if (names.length > 254) {
    throw new SkySenseError({
      code: "TOO_MANY_CLASSES",
      what: `the field "${classField}" has ${names.length} different values, too many for classes`,
      where: labels,
      remedy: "Choose the field that holds the class by --class-field.",
    });
  }
  return tableOfNames(names, { where: labels });
}

function unknownClass(
  value: string,
  { feature, file, classes }: { feature: number | undefined; file: string; classes: ClassTable },
): SkySenseError {
  return new SkySenseError({
    code: "UNKNOWN_CLASS",
    what: `"${value}" is none of the classes ${classes.classes.map(({ name }) => name).join(", ")}`,
    where: feature === undefined ? "--background" : `${file}, feature ${feature}`,
    remedy: "Add it to --classes, or correct it.",
  });
}

function pointsAndBackground(file: string, feature: number): SkySenseError {
  return new SkySenseError({
    code: "POINTS_AND_BACKGROUND",
    what: `feature ${feature} is a point, which says nothing of the pixels around it, so they cannot be background`,
    where: file,
    remedy: "Leave out --background, or draw polygons.",
  });
}

function noLabels(where: string): SkySenseError {
  return new SkySenseError({
    code: "NO_LABELS",
    what: "no pixel of the images gets a label: all shapes lie between the centres of pixels or in strips that are left out",
    where,
    remedy: "Give larger shapes, finer images, or a larger --block.",
  });
}
