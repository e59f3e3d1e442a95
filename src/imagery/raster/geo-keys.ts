import type { Affine } from "../../core/grid.ts";
import type { Directory, TiffStructure } from "./tiff-structure.ts";

/** What a GeoTIFF says of its place. */
export interface GeoReference {
  /** "EPSG:n", a PROJ string for what has no code, or undefined. */
  crs: string | undefined;
  /** The file names a system, but in a way that only GDAL understands. */
  crsUndecoded: boolean;
  transform: Affine | undefined;
  areaOrPoint: "Area" | "Point" | undefined;
}

const tag = { pixelScale: 33550, tiepoints: 33922, matrix: 34264, keys: 34735, doubles: 34736, ascii: 34737 };

type Keys = ReadonlyMap<number, number | string>;

/**
 * Decode the georeference of a GeoTIFF.
 *
 * @see OGC GeoTIFF 1.1 (19-008r4); half-pixel rule of PixelIsPoint in its section 7.1
 */
export async function geoReference(tiff: TiffStructure, directory: Directory): Promise<GeoReference> {
  const keys = await readKeys(tiff, directory);
  const point = keys.get(1025) === 2;
  const crs = decodeCrs(keys);
  return {
    crs,
    crsUndecoded: crs === undefined && [1, 2, 3].includes(Number(keys.get(1024))),
    transform: await readTransform(tiff, directory, point),
    areaOrPoint: keys.has(1025) ? (point ? "Point" : "Area") : undefined,
  };
}

async function readKeys(tiff: TiffStructure, directory: Directory): Promise<Keys> {
  const raw = (await tiff.numbers(directory, tag.keys)) ?? [];
  const doubles = (await tiff.numbers(directory, tag.doubles)) ?? [];
  const ascii = (await tiff.text(directory, tag.ascii)) ?? "";
  const out = new Map<number, number | string>();
  for (let i = 4; i + 3 < raw.length && i <= raw[3]! * 4; i += 4) {
    const [key, location, count, offset] = raw.slice(i, i + 4) as [number, number, number, number];
    if (location === 0) out.set(key, offset);
    else if (location === tag.doubles && doubles[offset] !== undefined) out.set(key, doubles[offset]);
    else if (location === tag.ascii) out.set(key, ascii.slice(offset, offset + count).replace(/\|$/, ""));
  }
  return out;
}

async function readTransform(tiff: TiffStructure, directory: Directory, point: boolean): Promise<Affine | undefined> {
  const matrix = await tiff.numbers(directory, tag.matrix);
  const scale = await tiff.numbers(directory, tag.pixelScale);
  const tie = await tiff.numbers(directory, tag.tiepoints);
  let t: Affine;
  if (scale && tie && scale.length >= 2 && tie.length >= 6 && scale[0] !== 0 && scale[1] !== 0) {
    const [i, j, , x, y] = tie as [number, number, number, number, number];
    const [sx, sy] = [scale[0]!, -scale[1]!];
    t = [sx, 0, x - i * sx, 0, sy, y - j * sy];
  } else if (matrix && matrix.length >= 16) {
    t = [matrix[0]!, matrix[1]!, matrix[3]!, matrix[4]!, matrix[5]!, matrix[7]!];
  } else {
    return undefined;
  }
  if (!t.every(Number.isFinite) || t[0] * t[4] - t[1] * t[3] === 0) return undefined;
  if (!point) return t;
  const [a, b, c, d, e, f] = t;
  return [a, b, c - (a + b) / 2, d, e, f - (d + e) / 2];
}

const userDefined = 32767;

function decodeCrs(keys: Keys): string | undefined {
  const model = keys.get(1024);
  const projected = code(keys, 3072);
  const geographic = code(keys, 2048);
  if (model === 1 || (model === undefined && keys.has(3072))) {
    return projected !== undefined ? `EPSG:${projected}` : utm(keys, geographic);
  }
  if (model === 2 || (model === undefined && geographic !== undefined)) {
    return geographic !== undefined ? `EPSG:${geographic}` : undefined;
  }
  return undefined;
}

function code(keys: Keys, key: number): number | undefined {
  const value = keys.get(key);
  return typeof value === "number" && value > 0 && value !== userDefined ? value : undefined;
}

/** Datums whose UTM zones have codes of the form base + zone (north, south). */
const utmCodes: Record<number, readonly [north: number, south: number | undefined]> = {
  4326: [32600, 32700],
  4258: [25800, undefined],
  4269: [26900, undefined],
};
const ellipsoids: Record<number, string> = { 7019: "GRS80", 7030: "WGS84", 7004: "bessel", 7022: "intl" };

/** A projected system without a code of its own that is a UTM zone all the same. */
function utm(keys: Keys, geographic: number | undefined): string | undefined {
  const zone = utmZone(keys);
  if (zone === undefined || (keys.has(3076) && keys.get(3076) !== 9001)) return undefined;
  const base = geographic === undefined ? undefined : utmCodes[geographic]?.[zone.south ? 1 : 0];
  if (base !== undefined) return `EPSG:${base + zone.number}`;
  const ellipsoid = ellipsoids[code(keys, 2056) ?? 0];
  // The file names an ellipsoid but no datum: this says just as much, and no more.
  if (geographic !== undefined || ellipsoid === undefined) return undefined;
  return `+proj=utm +zone=${zone.number}${zone.south ? " +south" : ""} +ellps=${ellipsoid} +units=m +no_defs`;
}

function utmZone(keys: Keys): { number: number; south: boolean } | undefined {
  const projection = code(keys, 3074);
  if (projection !== undefined) {
    const number = projection % 100;
    const hundred = projection - number;
    if ((hundred === 16000 || hundred === 16100) && number >= 1 && number <= 60) {
      return { number, south: hundred === 16100 };
    }
    return undefined;
  }
  // Transverse Mercator spelt out.
  const [lon, lat, scale, east, north] = [3080, 3081, 3092, 3082, 3083].map((key) => keys.get(key));
  const number = (Number(lon) + 183) / 6;
  if (keys.get(3075) !== 1 || !Number.isInteger(number) || number < 1 || number > 60) return undefined;
  if (lat !== 0 || scale !== 0.9996 || east !== 500000 || (north !== 0 && north !== 10000000)) return undefined;
  return { number, south: north !== 0 };
}
