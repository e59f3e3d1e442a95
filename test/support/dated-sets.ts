import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeTestTiff } from "./write-geotiff.ts";

/** Write files below a folder. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** An array as `numpy.save` writes it. */
export function npy(descr: string, shape: readonly number[], data: { buffer: ArrayBufferLike }): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const header = `${text.padEnd(117)}\n`;
  return Buffer.concat([
    Buffer.from("\x93NUMPY\x01\x00", "latin1"),
    Buffer.of(118, 0),
    Buffer.from(header),
    Buffer.from(data.buffer as ArrayBuffer),
  ]);
}

/** Side of a patch of {@link writePastis}. */
export const pastisSide = 4;

/**
 * PASTIS-R as it is published, with patches of 4 × 4 pixels and three dates of Sentinel-2, two of Sentinel-1.
 * @param change  Make the properties of a patch other than they are published.
 */
export function writePastis(
  folder: string,
  change: (properties: Record<string, unknown>, id: number) => void = () => {},
): string {
  const pixels = pastisSide ** 2;
  const features = [10000, 10001].map((id, i) => {
    const properties: Record<string, unknown> = {
      ...{ ID_PATCH: id, N_Parcel: 3, Parcel_Cover: 0.5, Fold: i === 0 ? 1 : 5, TILE: "t30uxv" },
      "dates-S2": { "0": 20180917, "1": 20181007, "2": 20190204 },
      "dates-S1A": { "0": 20180903, "1": 20180909 },
      "dates-S1D": '{"0": 20180904, "1": 20180910}',
    };
    change(properties, id);
    const ring = [0, 1280].flatMap((x) => [0, 1280].map((y) => [400_000 + x, 6_800_000 + y]));
    return { type: "Feature", id: String(id), properties, geometry: { type: "MultiPolygon", coordinates: [[ring]] } };
  });
  const crs = { type: "name", properties: { name: "urn:ogc:def:crs:EPSG::2154" } };
  const files: Record<string, string | Uint8Array> = {
    "metadata.geojson": JSON.stringify({ type: "FeatureCollection", crs, features }),
  };
  for (const id of [10000, 10001]) {
    const s2 = Int16Array.from({ length: 30 * pixels }, (_, i) => 500 + i);
    files[`DATA_S2/S2_${id}.npy`] = npy("<i2", [3, 10, pastisSide, pastisSide], s2);
    for (const orbit of ["A", "D"]) {
      const db = Float32Array.from({ length: 6 * pixels }, (_, i) => -10 - (i % 7));
      files[`DATA_S1${orbit}/S1${orbit}_${id}.npy`] = npy("<f4", [2, 3, pastisSide, pastisSide], db);
    }
    const target = Uint8Array.from({ length: 3 * pixels }, (_, i) => (i < pixels ? [0, 3, 18, 19][i % 4]! : 77));
    files[`ANNOTATIONS/TARGET_${id}.npy`] = npy("|u1", [3, pastisSide, pastisSide], target);
  }
  return writeFiles(folder, files);
}

/** Bands of Sentinel-2 that a patch of BigEarthNet has. */
export const patchBands = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"];

/** A patch of BigEarthNet: 12 pixels a side at 10 m, and its bands at 20 and 60 m. */
export function writePatch(folder: string, name: string, bands: readonly string[]): void {
  mkdirSync(join(folder, name), { recursive: true });
  for (const band of bands) {
    const pixel = /B0[234]|B08|V[VH]/.test(band) ? 10 : /B01|B09/.test(band) ? 60 : 20;
    const n = 120 / pixel;
    const pixels = Array.from({ length: n * n }, (_, i) => (/^V/.test(band) ? -12 - (i % 3) : 900 + i));
    const data = /^V/.test(band) ? Float32Array.from(pixels) : Uint16Array.from(pixels);
    const file = join(folder, name, `${name}_${band}.tif`);
    writeTestTiff(file, { data, bands: 1, width: n, height: n, epsg: 32633, pixel });
  }
}

/** An image of fMoW-Sentinel: 13 bands of 3 × 3 pixels. */
export function writeFmowImage(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const data = Uint16Array.from({ length: 13 * 9 }, (_, i) => 800 + 10 * Math.floor(i / 9));
  writeTestTiff(file, {
    ...{ data, bands: 13, width: 3, height: 3, epsg: 4326, pixel: 1e-4 },
    origin: [-6.66, 18.71],
  });
}
