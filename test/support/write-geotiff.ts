import { writeFileSync } from "node:fs";

/** What a test wants in a GeoTIFF; everything has a default but the pixels. */
export interface TestTiff {
  /** Band by band, [bands, height, width]. */
  data: Uint8Array | Uint16Array | Int16Array | Float32Array;
  bands: number;
  width: number;
  height: number;
  /** EPSG code of a projected CRS (or 4326); absent: no georeference. */
  epsg?: number;
  /** World coordinates of the upper-left corner, and the side of a pixel. */
  origin?: readonly [x: number, y: number];
  pixel?: number;
  nodata?: number;
  /** Metadata of the file, and the description of each band, as GDAL writes them. */
  metadata?: Readonly<Record<string, string>>;
  names?: readonly string[];
}

const [ascii, short, long, double] = [2, 3, 4, 12];
const bytesOf: Record<number, number> = { [ascii]: 1, [short]: 2, [long]: 4, [double]: 8 };

/** Write an uncompressed GeoTIFF, one strip a band: small enough to see through, and fast. TIFF 6.0; OGC 19-008r4. */
export function writeTestTiff(path: string, tiff: TestTiff): string {
  const { data, bands, width, height, epsg, origin = [500_000, 5_000_000], pixel = 10, nodata } = tiff;
  const bits = data.BYTES_PER_ELEMENT * 8;
  const format = data instanceof Float32Array ? 3 : data instanceof Int16Array ? 2 : 1;
  const strip = width * height * data.BYTES_PER_ELEMENT;
  const perBand = (value: number) => Array.from({ length: bands }, () => value);
  const offsets = Array.from({ length: bands }, (_, b) => 8 + b * strip);
  const tags: [tag: number, type: number, values: readonly number[] | string][] = [
    [256, long, [width]],
    [257, long, [height]],
    [258, short, perBand(bits)],
    [259, short, [1]], // no compression
    [262, short, [bands === 3 && bits === 8 ? 2 : 1]],
    [273, long, offsets],
    [277, short, [bands]],
    [278, long, [height]],
    [279, long, perBand(strip)],
    [284, short, [2]], // band after band
  ];
  const extra = bands - (bands === 3 && bits === 8 ? 3 : 1);
  if (extra > 0) tags.push([338, short, Array.from({ length: extra }, () => 0)]);
  tags.push([339, short, perBand(format)]);
  if (epsg !== undefined) {
    const geographic = epsg === 4326;
    tags.push([33550, double, [pixel, pixel, 0]]);
    tags.push([33922, double, [0, 0, 0, origin[0], origin[1], 0]]);
    const keys = [1, 1, 0, 3, 1024, 0, 1, geographic ? 2 : 1, 1025, 0, 1, 1, geographic ? 2048 : 3072, 0, 1, epsg];
    tags.push([34735, short, keys]);
  }
  const description = gdalMetadata(tiff);
  if (description !== undefined) tags.push([42112, ascii, description]);
  if (nodata !== undefined) tags.push([42113, ascii, `${nodata}`]);

  const directory = 8 + bands * strip + ((bands * strip) % 2);
  let next = directory + 2 + tags.length * 12 + 4;
  const lengths = tags.map(([, type, values]) => (values.length + (type === ascii ? 1 : 0)) * bytesOf[type]!);
  const file = Buffer.alloc(next + lengths.reduce((sum, n) => sum + (n > 4 ? n + (n % 2) : 0), 0));
  file.write("II", 0);
  file.writeUInt16LE(42, 2);
  file.writeUInt32LE(directory, 4);
  Buffer.from(data.buffer, data.byteOffset, data.byteLength).copy(file, 8);
  file.writeUInt16LE(tags.length, directory);
  for (const [i, [tag, type, values]] of tags.entries()) {
    const at = directory + 2 + i * 12;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(lengths[i]! / bytesOf[type]!, at + 4);
    const inline = lengths[i]! <= 4;
    if (!inline) file.writeUInt32LE(next, at + 8);
    const start = inline ? at + 8 : next;
    if (typeof values === "string") file.write(values, start, "utf8");
    else {
      for (const [k, value] of values.entries()) {
        if (type === short) file.writeUInt16LE(value, start + k * 2);
        else if (type === long) file.writeUInt32LE(value, start + k * 4);
        else file.writeDoubleLE(value, start + k * 8);
      }
    }
    if (!inline) next += lengths[i]! + (lengths[i]! % 2);
  }
  writeFileSync(path, file);
  return path;
}

function gdalMetadata({ metadata = {}, names = [] }: TestTiff): string | undefined {
  const items = [
    ...Object.entries(metadata).map(([name, value]) => `<Item name="${name}">${value}</Item>`),
    ...names.map((name, b) => `<Item name="DESCRIPTION" sample="${b}" role="description">${name}</Item>`),
  ];
  return items.length === 0 ? undefined : `<GDALMetadata>${items.join("")}</GDALMetadata>`;
}
