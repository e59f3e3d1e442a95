import { type FileHandle, open } from "node:fs/promises";
import type { Affine, Grid } from "../../core/grid.ts";
import type { RasterData, RasterType } from "../raster.ts";
import { typeBytes } from "./unpack.ts";

/** A band of a raw file, as GDAL is to see it. */
export interface RawBand {
  name?: string | undefined;
  nodata?: number | undefined;
  scale?: number | undefined;
  offset?: number | undefined;
  unit?: string | undefined;
  colour?: string | undefined;
  /** Values are classes from 0 on with these colours, "#rrggbb". */
  classes?: readonly { colour: string }[] | undefined;
  metadata?: Readonly<Record<string, string>>;
}

export interface RawLayout {
  type: RasterType;
  width: number;
  height: number;
  bands: readonly RawBand[];
}

/** Writes rows of all bands at once into a band-sequential file. */
export interface RawWriter {
  /** @param rows [bands, count, width], for the `count` rows below those written so far. */
  write(rows: RasterData, count: number): Promise<void>;
  close(): Promise<void>;
}

export async function rawWriter(path: string, { type, width, height, bands }: RawLayout): Promise<RawWriter> {
  const file: FileHandle = await open(path, "w");
  const size = typeBytes[type];
  let row = 0;
  return {
    async write(rows, count) {
      const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
      const length = count * width * size;
      for (let band = 0; band < bands.length; band++) {
        const at = (band * height + row) * width * size;
        for (let done = 0; done < length; ) {
          const { bytesWritten } = await file.write(bytes, band * length + done, length - done, at + done);
          done += bytesWritten;
        }
      }
      row += count;
    },
    close: () => file.close(),
  };
}

/** GDAL's names of our types. */
export const gdalTypes: Record<RasterType, string> = {
  uint8: "Byte",
  int8: "Int8",
  uint16: "UInt16",
  int16: "Int16",
  uint32: "UInt32",
  int32: "Int32",
  float32: "Float32",
  float64: "Float64",
};

/**
 * A GDAL virtual raster over a raw band-sequential file: GDAL formats of raw data have no int8 and no band metadata.
 *
 * @param rawName File name of the raw data in the same folder, or its path as GDAL sees it.
 * @param options.mask File name of a raw uint8 mask [height, width], 0 invalid and 255 valid.
 * @see https://gdal.org/drivers/raster/vrt.html
 */
export function rawVrt(
  rawName: string,
  {
    type,
    width,
    height,
    bands,
    grid,
    metadata,
    mask,
  }: RawLayout & {
    grid: Pick<Grid, "crs"> & { transform: Affine };
    metadata?: Readonly<Record<string, string>>;
    mask?: string;
  },
): string {
  const size = typeBytes[type];
  const [a, b, c, d, e, f] = grid.transform;
  const raw = (name: string, band: number, bytes: number): string => {
    const offset = band * width * height * bytes;
    return (
      `<SourceFilename relativeToVRT="${name.startsWith("/") ? 0 : 1}">${escapeXml(name)}</SourceFilename><ImageOffset>${offset}</ImageOffset>` +
      `<PixelOffset>${bytes}</PixelOffset><LineOffset>${bytes * width}</LineOffset><ByteOrder>LSB</ByteOrder>`
    );
  };
  const element = (name: string, value: string | number | undefined): string =>
    value === undefined ? "" : `<${name}>${escapeXml(String(value))}</${name}>`;
  const lines = bands.map(
    (band, i) =>
      `<VRTRasterBand dataType="${gdalTypes[type]}" band="${i + 1}" subClass="VRTRawRasterBand">${items(band.metadata)}` +
      element("Description", band.name) +
      element("NoDataValue", band.nodata === undefined || !Number.isNaN(band.nodata) ? band.nodata : "nan") +
      element("UnitType", band.unit) +
      element("Offset", band.offset) +
      element("Scale", band.scale) +
      interpretation(band) +
      `${raw(rawName, i, size)}</VRTRasterBand>`,
  );
  const maskBand =
    mask === undefined
      ? ""
      : `<MaskBand><VRTRasterBand dataType="Byte" subClass="VRTRawRasterBand">${raw(mask, 0, 1)}</VRTRasterBand></MaskBand>`;
  return [
    `<VRTDataset rasterXSize="${width}" rasterYSize="${height}">`,
    grid.crs === undefined ? "" : `<SRS>${escapeXml(grid.crs)}</SRS>`,
    grid.crs === undefined && isIdentity(grid.transform)
      ? ""
      : `<GeoTransform>${[c, a, b, f, d, e].join(",")}</GeoTransform>`,
    items(metadata),
    ...lines,
    maskBand,
    "</VRTDataset>",
  ].join("\n");
}

function items(metadata: Readonly<Record<string, string>> = {}): string {
  const entries = Object.entries(metadata);
  if (entries.length === 0) return "";
  return `<Metadata>${entries.map(([key, value]) => `<MDI key="${escapeXml(key)}">${escapeXml(value)}</MDI>`).join("")}</Metadata>`;
}

/** What a band's values stand for: a colour of the picture, or classes with a colour each. */
function interpretation({ classes, colour }: RawBand): string {
  if (classes === undefined) return `<ColorInterp>${gdalColour(colour)}</ColorInterp>`;
  const entries = Array.from({ length: 256 }, (_, value) => {
    const code = Number.parseInt(classes[value]?.colour.slice(1) ?? "0", 16);
    return `<Entry c1="${code >> 16}" c2="${(code >> 8) & 255}" c3="${code & 255}" c4="${value < classes.length ? 255 : 0}"/>`;
  });
  return `<ColorInterp>Palette</ColorInterp><ColorTable>${entries.join("")}</ColorTable>`;
}

function gdalColour(colour: string | undefined): string {
  return colour === undefined ? "Undefined" : colour[0]!.toUpperCase() + colour.slice(1);
}

function isIdentity(transform: Affine): boolean {
  return transform.join() === "1,0,0,0,1,0";
}

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no way to hold them
  return text.replace(/[&<>"]/g, (c) => entities[c]!).replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, " ");
}
