import { basename, resolve } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { blockNotes } from "../../../evaluate/choose-block.ts";
import { type LabelledTile, openLabelledTiles, type VectorLabels } from "../../../evaluate/labelled-tiles.node.ts";
import type { PlacedFeature } from "../../../evaluate/place-features.ts";
import { type Extent, extentOf, mapFeature } from "../../../imagery/vector/feature.ts";
import { areaOf, clipRing } from "../../../imagery/vector/rasterise.ts";
import type { Annotated } from "./annotation.ts";
import { type BoxRules, type BoxSet, type Found, toBoxSet } from "./box-set.ts";
import { smallestRectangle } from "./smallest-rectangle.ts";

/** An object of which less than this share lies in a tile counts neither way (DOTA_devkit, ImgSplit_multi_process.py). */
const leastShare = 0.7;

/**
 * Open images with polygons of a vector file as a set for detection: a polygon, however many parts it has, is one
 * object. Its box is what lies around it, upright and cut at the border of the tile, or in an oriented set the smallest
 * rectangle around all of it.
 *
 * @param data  An image, or a folder of images.
 * @throws SkySenseError `NO_POLYGONS`, and those of `openLabelledTiles` and `toBoxSet`
 */
export async function openVectorBoxes(data: string, vectors: VectorLabels, rules: BoxRules): Promise<BoxSet> {
  const { labels: file, tile = 1024 } = vectors;
  const { tiles, points, notes, blockMetres } = await openLabelledTiles(data, { ...vectors, tile });
  const found = tiles.map((one): Found => {
    const { id, image, window, block, features } = one;
    const [, , width, height] = window;
    const objects = features.flatMap((feature) => objectOf(feature, one, rules.oriented));
    const annotation = { image: undefined, size: [height, width] as const, objects };
    return { id, image: image.image, window, split: image.split, block, file, annotation };
  });
  if (points.size > 0 && found.every(({ annotation }) => annotation.objects.length === 0)) throw noPolygons(file);
  const layout = "images with polygons of a vector file";
  const set = toBoxSet(found, { ...rules, layout, name: basename(resolve(data)), path: data });
  const said =
    points.size === 0 ? [] : [`${file}: ${points.size} features are points, which have no extent, and were left out`];
  return { ...set, notes: [...notes, ...said, ...blockNotes(blockMetres, found)] };
}

/** The object as the tile shows it; none: nothing of it is in this tile, or less than a pixel. */
function objectOf(
  feature: PlacedFeature,
  { window: [left, top, width, height] }: LabelledTile,
  oriented: boolean,
): Annotated[] {
  const { polygons, extent } = mapFeature(feature, ([x, y]) => [x - left, y - top]) as PlacedFeature;
  if (polygons.length === 0) return [];
  const [x1, y1, x2, y2] = extent;
  const whole = x1 >= left && y1 >= top && x2 <= left + width && y2 <= top + height;
  const inside = whole
    ? polygons
    : polygons.map((rings) => rings.map((ring) => clipRing(ring, [0, 0, width, height])));
  const hull = extentOf({ polygons: inside, points: new Float64Array() });
  if (hull === undefined || (!whole && shortSide(hull) < 1)) return [];
  const corners = oriented ? smallestRectangle(polygons.flatMap(([outer]) => [...outer!])) : hull;
  const difficult = !whole && areaOf(inside) < leastShare * areaOf(polygons);
  return [{ name: feature.value, corners, difficult, called: `feature ${feature.id}` }];
}

function shortSide([x1, y1, x2, y2]: Extent): number {
  return Math.min(x2 - x1, y2 - y1);
}

function noPolygons(where: string): SkySenseError {
  return new SkySenseError({
    code: "NO_POLYGONS",
    what: "the labels are points, but a detector learns from boxes",
    where,
    remedy: "Draw boxes, or buffer the points by the size of the objects.",
  });
}
