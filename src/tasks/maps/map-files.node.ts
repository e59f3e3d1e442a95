import { join } from "node:path";
import type { LongCall } from "../../core/progress.ts";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import type { FeatureFile } from "../../embed/feature-file.node.ts";
import { software } from "../../embed/software.ts";
import { writeFeatureTable } from "../../imagery/out/feature-table.node.ts";
import { qgisClassStyle } from "../../imagery/out/qgis-style.ts";
import { isGeoreferenced } from "../../imagery/out/region-feature.ts";
import { writeCog } from "../../imagery/raster/write-cog.node.ts";
import { type ClassMapFile, noClass, writeClassMap } from "./class-map.node.ts";
import { classPolygons, polygonColumns } from "./class-polygons.node.ts";
import type { MapperConfig } from "./mapper.ts";
import type { MappedScene } from "./scene-grid.node.ts";

export type PolygonFormat = "geojson" | "parquet" | "none";

/** What whoever asks for a map says of how it is written. */
export interface MapChoices {
  /** Gets the files. */
  out: string;
  /** For what is on its way. */
  work: string;
  polygons: PolygonFormat;
  /** Smaller regions get no polygon. */
  minPixels: number;
}

export interface MapFilesOptions extends MapChoices, LongCall {
  config: MapperConfig;
  /** False: the images are known to fill their grid. */
  masked: boolean;
  /** The files' names without endings, and those of their bands. */
  names: { classes: string; certainty: string };
  bands: { classes: string; certainty: string };
  /** What the files say of where they come from. */
  metadata: Readonly<Record<string, string>>;
  /** Of two classes, the one that counts: its probability is written instead of the confidence, and it alone has polygons. */
  counts?: number;
}

/** What lies in a folder of a map. */
export interface MapFiles {
  map: ClassMapFile;
  /** Paths by name: classes, style, certainty, and maybe polygons. */
  files: Readonly<Record<string, string>>;
  /** How many were written. */
  polygons: number;
}

/** Write the class map of blended scores as a COG with colours and a style of QGIS, how certain it is, and its regions. */
export async function writeMapFiles(
  scores: FeatureFile,
  opened: MappedScene,
  {
    config,
    out,
    work,
    masked,
    polygons,
    minPixels,
    names,
    bands,
    metadata,
    counts,
    signal,
    onProgress,
  }: MapFilesOptions,
): Promise<MapFiles> {
  const { pixels: grid } = opened;
  const { classes } = config;
  const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const which = counts === undefined ? {} : { probabilityOf: counts };
  const map = await writeClassMap(scores, opened, { config, work, masked, ...which, ...abort });
  const files = {
    classes: join(out, `${names.classes}.tif`),
    style: join(out, `${names.classes}.qml`),
    certainty: join(out, `${names.certainty}.tif`),
    ...(polygons !== "none" && { polygons: join(out, `polygons.${polygons}`) }),
  };
  const common = { grid, type: "uint8", ...abort } as const;
  const said = { SOFTWARE: software, ...metadata };
  const skip = counts === undefined ? [] : [...classes.keys()].filter((k) => k !== counts);
  // Each on a thread of its own.
  const [written] = await allDone([
    files.polygons === undefined
      ? 0
      : writeFeatureTable({
          path: files.polygons,
          features: classPolygons(map, { grid, classes, minPixels, skip }),
          columns: polygonColumns,
          georeferenced: isGeoreferenced(grid),
          software,
          signal,
        }),
    writeCog({
      ...common,
      metadata: { ...said, CLASSES: classes.map(({ name }, k) => `${k} ${name}`).join(", ") },
      path: files.classes,
      bands: [{ name: bands.classes, nodata: noClass, classes }],
      rows: { rawFile: map.labels },
      overviews: "MODE",
    }),
    writeCog({
      ...common,
      metadata: said,
      path: files.certainty,
      bands: [{ name: bands.certainty, nodata: noClass, unit: "%" }],
      rows: { rawFile: map.confidence },
    }),
    writeAtomic(files.style, qgisClassStyle(classes)),
  ]);
  return { map, files, polygons: written };
}

/** Like `Promise.all`, but when one fails, the others have ended, too, so that none writes any more. */
async function allDone<const T extends readonly unknown[]>(work: T) {
  await Promise.allSettled(work);
  return Promise.all(work);
}
