import { readdir, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { SkySenseError } from "../core/error.ts";
import { pixelToWorld } from "../core/grid.ts";
import { openRaster } from "../imagery/raster/open.node.ts";
import { pixelMetres } from "../imagery/scene/crs.ts";
import { type Extent, meet } from "../imagery/vector/feature.ts";
import { type VectorLayer, withVectorLayer } from "../imagery/vector/read-features.node.ts";
import { type CutImage, cutIntoTiles, type Tile } from "./blocks.ts";
import { chooseBlock, joinOverlapping } from "./choose-block.ts";
import { createTally, notesOf, type PlacedFeature, placeFeatures } from "./place-features.ts";
import { splitOfPath } from "./split-of-path.ts";

/** Polygons and points in a file beside images, as a user says it. */
export interface VectorLabels {
  /** GeoPackage, GeoJSON, FlatGeobuf, Shapefile, … */
  labels: string;
  /** Where the file has several. */
  layer?: string | undefined;
  /** The field that holds the class. Default: all features are of one class, named like the layer. */
  classField?: string | undefined;
  /** Side of the squares of ground that are learnt from or judged as a whole, metres. Default: see `chooseBlock`. */
  blockMetres?: number | undefined;
  /** Longest side of the parts that images are cut into, pixels. Default 512. */
  tile?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** A part of an image with what lies in it. */
export interface LabelledTile extends Tile {
  /** Unique in its set: the image's path, and the part's place in it. */
  id: string;
  /** In pixels of the image, in the order of the file. */
  features: readonly PlacedFeature[];
}

export interface LabelledTiles {
  tiles: readonly LabelledTile[];
  /** undefined: folders called train and val divide the images. */
  blockMetres: number | undefined;
  /** Features that are points alone, wherever they lie on an image. */
  points: ReadonlySet<number>;
  /** What was left out, or is doubtful, with numbers of features. */
  notes: readonly string[];
}

/**
 * Put labels of a vector file over images: features are brought into the CRS of each image, images are cut along blocks
 * of the ground (see `cutIntoTiles`), each part gets the features that meet it.
 *
 * @param data  An image, or a folder of images anywhere below it; those in a folder called train, val or test have that split.
 * @throws SkySenseError `NO_IMAGES` | `MISSING_CRS` | `NO_OVERLAP` | `NOT_NORTH_UP` | `UNKNOWN_CRS`, and those of `withVectorLayer`
 */
export async function openLabelledTiles(data: string, options: VectorLabels): Promise<LabelledTiles> {
  const { labels, classField, layer, signal } = options;
  const { images, notes } = await openImages(data);
  return withVectorLayer(labels, { layer, field: classField, signal }, async (file) => {
    const byImage = new Map<CutImage, PlacedFeature[]>();
    const tally = createTally();
    for (const [crs, group] of byCrs(images)) {
      const features = await file.read(crs, { within: unite(group.map(groundOf)) });
      for (const image of group)
        byImage.set(image, placeFeatures(features, image.grid, { layer: file.name, classField, tally }));
    }
    if (tally.seen.size === 0) throw noOverlap(file, images);
    return {
      ...cut(byImage, data, options),
      points: tally.points,
      notes: [...notes, ...notesOf(tally, file, classField)],
    };
  });
}

function cut(
  byImage: ReadonlyMap<CutImage, readonly PlacedFeature[]>,
  data: string,
  { blockMetres, tile = 512 }: VectorLabels,
): Pick<LabelledTiles, "tiles" | "blockMetres"> {
  const label = (one: Tile): LabelledTile => {
    const [left, top, width, height] = one.window;
    const extent: Extent = [left, top, left + width, top + height];
    const features = byImage.get(one.image)!.filter((feature) => meet(feature.extent, extent));
    const name = pathIn(data, one.image.image);
    const { grid } = one.image;
    const whole = width === grid.width && height === grid.height;
    return { ...one, id: whole ? name : `${name}@${left},${top}`, features };
  };
  const images = [...byImage.keys()];
  const tilesOf = (metres: number) =>
    [...byCrs(images).values()]
      .flatMap((group) => cutIntoTiles(group, { block: inUnits(group[0]!, metres), tile }))
      .map(label);
  const divided = images.every(({ split }) => split !== undefined);
  const metres = divided ? undefined : (blockMetres ?? chooseBlock(images, tilesOf));
  return { tiles: joinOverlapping(tilesOf(metres ?? 1000)), blockMetres: metres };
}

/** With slashes; the file itself where `data` is one. */
function pathIn(data: string, file: string): string {
  return relative(data, file).split(sep).join("/") || basename(file);
}

const pictures = /\.(tiff?|png|jpe?g|webp|jp2|vrt|img)$/i;

/** Headers of all images that have a place on the ground. */
async function openImages(data: string): Promise<{ images: CutImage[]; notes: string[] }> {
  const files = await imagesOf(data);
  const notes: string[] = [];
  const images: CutImage[] = [];
  for (const file of files) {
    try {
      const raster = await openRaster(file);
      await raster.close();
      if (raster.grid.crs === undefined) notes.push(`${file} was left out: it does not say where it lies`);
      else images.push({ image: file, grid: raster.grid, split: splitOfPath(pathIn(data, file)) });
    } catch (error) {
      if (!(error instanceof SkySenseError)) throw error;
      notes.push(`${file} was left out: ${error.what}`);
    }
  }
  if (images.length > 0) return { images, notes };
  throw new SkySenseError({
    code: files.length === 0 ? "NO_IMAGES" : "MISSING_CRS",
    what: files.length === 0 ? "there are no images here" : `${notes[0]}; there are no images to put labels on`,
    where: data,
    remedy:
      "Labels of a vector file need images that say where they lie: GeoTIFFs, or pictures with a world file and CRS.",
  });
}

async function imagesOf(data: string): Promise<string[]> {
  const found = await stat(data).catch(() => undefined);
  if (found?.isFile()) return [data];
  if (found === undefined) {
    throw new SkySenseError({
      code: "SET_NOT_FOUND",
      what: "there is no such file or folder",
      where: data,
      remedy: "Give an image, or the folder of the images.",
    });
  }
  const names = await readdir(data, { recursive: true });
  return names
    .filter((name) => pictures.test(name) && !basename(name).startsWith("."))
    .sort()
    .map((name) => join(data, name));
}

/** Sides of a block of so many metres in units of an image's CRS; a CRS that is not known here counts as metric. */
function inUnits({ grid }: CutImage, metres: number): [number, number] {
  const [along, down] = pixelMetres(grid) ?? [Math.abs(grid.transform[0]), Math.abs(grid.transform[4])];
  return [(metres * Math.abs(grid.transform[0])) / along, (metres * Math.abs(grid.transform[4])) / down];
}

function byCrs(images: readonly CutImage[]): Map<string, CutImage[]> {
  const groups = new Map<string, CutImage[]>();
  for (const image of images) groups.set(image.grid.crs!, [...(groups.get(image.grid.crs!) ?? []), image]);
  return groups;
}

/** Where an image lies, in its CRS. */
function groundOf({ grid: { transform, width, height } }: CutImage): Extent {
  const [[x1, y1], [x2, y2]] = [pixelToWorld(transform, [0, 0]), pixelToWorld(transform, [width, height])];
  return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
}

function unite(extents: readonly Extent[]): Extent {
  return extents.reduce((a, b) => [
    Math.min(a[0], b[0]),
    Math.min(a[1], b[1]),
    Math.max(a[2], b[2]),
    Math.max(a[3], b[3]),
  ]);
}

function noOverlap({ file, crs, extent, count }: VectorLayer, images: readonly CutImage[]): SkySenseError {
  const said = (box: Extent) => box.map((v) => Number(v.toPrecision(7))).join(" ");
  const [first] = images;
  const where = extent === undefined ? "" : `they lie at ${said(extent)} in ${crs}, `;
  return new SkySenseError({
    code: "NO_OVERLAP",
    what:
      count === 0
        ? "the file of labels is empty"
        : `none of the ${count} features lies on an image: ${where}the first image at ${said(groundOf(first!))} in ${first!.grid.crs}`,
    where: file,
    remedy:
      count === 0
        ? "Give another file or --layer."
        : "Give labels of the same place, or correct the CRS that the file names.",
  });
}
