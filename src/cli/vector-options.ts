import type { Command } from "commander";
import type { VectorLabels } from "../evaluate/labelled-tiles.node.ts";
import { number, whole } from "./scene-options.ts";

/** Flags for polygons or points over georeferenced images. */
export function addVectorOptions(command: Command, { tile }: { tile: number }): Command {
  return command
    .option(
      "--labels <file>",
      "polygons or points over the images: GeoPackage, GeoJSON, FlatGeobuf, Shapefile, in any CRS",
    )
    .option("--class-field <name>", "the field of --labels that holds the class; default: all are of one class")
    .option("--layer <name>", "which one, where --labels has several layers")
    .option(
      "--block <metres>",
      "side of the squares of ground that are learnt from or judged as a whole; default: what leaves 20",
      number,
    )
    .option(
      "--tile <pixels>",
      `longest side of the parts that images with --labels are cut into; default: ${tile}`,
      whole,
    );
}

/** What {@link addVectorOptions} gives. */
export interface VectorFlags {
  labels?: string;
  classField?: string;
  layer?: string;
  block?: number;
  tile?: number;
}

/** What the flags say; undefined: no --labels. */
export function vectorOptions({ labels, classField, layer, block, tile }: VectorFlags): VectorLabels | undefined {
  return labels === undefined ? undefined : { labels, classField, layer, blockMetres: block, tile };
}

/** What a user should know of the labels. */
export function printNotes({ notes = [] }: { notes?: readonly string[] }): void {
  for (const note of notes) console.error(`note: ${note}`);
}
