import { realpath, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { SkySenseError } from "../../core/error.ts";
import { GdalError, type GdalSession, withGdal } from "../raster/gdal-session.node.ts";
import type { Extent, Feature } from "./feature.ts";
import { featureOf, type GeoJsonFeature } from "./geojson.ts";

export interface ReadFeaturesOptions {
  /** Which one, where the file has several. */
  layer?: string | undefined;
  /** The field whose values are wanted. Default: none. */
  field?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** One layer of a file of vectors. */
export interface VectorLayer {
  file: string;
  name: string;
  /** "EPSG:n", or the name of the CRS. */
  crs: string;
  /** In its own CRS; undefined where it is empty. */
  extent: Extent | undefined;
  /** All features of the layer. */
  count: number;
  /**
   * Features in another CRS.
   * @param options.within  Only what may lie in there, in that CRS.
   */
  read(crs: string, options: { within: Extent }): Promise<Feature[]>;
}

/** The part of `ogrinfo -json` that is used here. */
interface OgrLayer {
  name: string;
  featureCount: number;
  fields: { name: string }[];
  geometryFields: {
    extent?: number[];
    coordinateSystem?: { wkt?: string; projjson?: { name?: string; id?: { authority: string; code: number } } };
  }[];
}

/**
 * Read polygons and points of any file of vectors that GDAL knows (GeoPackage, GeoJSON, FlatGeobuf, Shapefile, KML, …),
 * reprojected by PROJ; curves come as short lines.
 *
 * @param use Reads while the file is open.
 * @throws SkySenseError `FILE_UNREADABLE` | `VECTORS_UNREADABLE` | `LAYER_UNKNOWN` | `FIELD_UNKNOWN` | `MISSING_CRS`, and
 *   what `use` throws
 */
export async function withVectorLayer<T>(
  file: string,
  { layer, field, signal }: ReadFeaturesOptions,
  use: (layer: VectorLayer) => Promise<T>,
): Promise<T> {
  if (!(await stat(file).catch(() => undefined))?.isFile()) {
    throw new SkySenseError({
      code: "FILE_UNREADABLE",
      what: "there is no such file of labels",
      where: file,
      remedy: "Give a GeoPackage, GeoJSON, FlatGeobuf or Shapefile (.shp).",
    });
  }
  const real = await realpath(file);
  const path = `/input/${basename(real)}`;
  return withGdal({ input: dirname(real) }, signal, async (gdal) => {
    const { layers } = (await gdal.layers(path).catch((error) => refuse(error, file))) as { layers: OgrLayer[] };
    const chosen = chooseLayer(layers, layer, file);
    checkField(chosen, field, file);
    return use(openLayer(gdal, path, { file, chosen, field }));
  });
}

function openLayer(
  gdal: GdalSession,
  path: string,
  { file, chosen, field }: { file: string; chosen: OgrLayer; field: string | undefined },
): VectorLayer {
  const [geometry] = chosen.geometryFields;
  const system = geometry?.coordinateSystem;
  if (system === undefined) {
    throw new SkySenseError({
      code: "MISSING_CRS",
      what: `the layer ${chosen.name} does not say which CRS its coordinates are in`,
      where: file,
      remedy: "Write it into the file: ogr2ogr -a_srs EPSG:n NEW OLD, or QGIS, Set Layer CRS and export.",
    });
  }
  const { id, name = "an unnamed CRS" } = system.projjson ?? {};
  return {
    file,
    name: chosen.name,
    crs: id === undefined ? name : `${id.authority}:${id.code}`,
    extent: geometry?.extent as Extent | undefined,
    count: chosen.featureCount,
    async read(crs, { within }) {
      const options = [
        ...["-f", "GeoJSON", "-lco", "RFC7946=NO", "-preserve_fid", "-dim", "XY", "-nlt", "CONVERT_TO_LINEAR"],
        ...["-t_srs", crs, "-spat", ...within.map(String), "-spat_srs", crs],
        ...(field === undefined ? ["-select", ""] : ["-select", field]),
        chosen.name,
      ];
      const out = await gdal.features(path, "features", options).catch((error) => refuse(error, file));
      const { features } = JSON.parse(Buffer.from(await gdal.bytes(out)).toString("utf8")) as {
        features: GeoJsonFeature[];
      };
      return features.map((feature, i) => featureOf(feature, field, i));
    },
  };
}

function chooseLayer(layers: readonly OgrLayer[], wanted: string | undefined, file: string): OgrLayer {
  const mapped = layers.filter(({ geometryFields }) => geometryFields.length > 0);
  const found = wanted === undefined ? mapped : mapped.filter(({ name }) => name === wanted);
  if (found.length === 1) return found[0]!;
  const names = mapped.map(({ name }) => name).join(", ");
  throw new SkySenseError({
    code: "LAYER_UNKNOWN",
    what:
      mapped.length === 0
        ? "there is no layer with geometries"
        : wanted === undefined
          ? `there are ${mapped.length} layers`
          : `there is no layer "${wanted}"`,
    where: file,
    remedy: mapped.length === 0 ? "Give another file." : `Choose one by --layer: ${names}.`,
  });
}

function checkField({ name, fields }: OgrLayer, field: string | undefined, file: string): void {
  if (field === undefined || fields.some((one) => one.name === field)) return;
  const names = fields.map((one) => one.name).join(", ");
  throw new SkySenseError({
    code: "FIELD_UNKNOWN",
    what: `the layer ${name} has no field "${field}"`,
    where: file,
    remedy:
      names === "" ? "It has no fields at all: leave out --class-field." : `Choose one by --class-field: ${names}.`,
  });
}

function refuse(error: unknown, file: string): never {
  if (!(error instanceof GdalError)) throw error;
  throw new SkySenseError({
    code: "VECTORS_UNREADABLE",
    what: `the labels cannot be read: ${error.message.replace(/\.?\s*$/, "")}`,
    where: file,
    remedy: "Check that it is a GeoPackage, GeoJSON, FlatGeobuf or Shapefile, or export it again.",
    cause: error,
  });
}
