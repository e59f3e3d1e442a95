import type { Grid, Window } from "../core/grid.ts";

export type RasterData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

export type RasterType = "uint8" | "int8" | "uint16" | "int16" | "uint32" | "int32" | "float32" | "float64";

/** What a file says of one band. */
export interface RasterBand {
  /** The band's description in the file ("B04", "Red"), when it has one. */
  name: string | undefined;
  type: RasterType;
  nodata: number | undefined;
  /** GDAL's scale and offset: physical = value · scale + offset. Never applied by `read`. */
  scale: number | undefined;
  offset: number | undefined;
  unit: string | undefined;
  /** Colour interpretation in GDAL's words, lower case: "red", "green", "blue", "gray", "alpha", "undefined". */
  colour: string | undefined;
  metadata: Readonly<Record<string, string>>;
}

export interface ReadOptions {
  /** Default: the whole raster. Must lie inside it. */
  window?: Window;
  /** Zero-based band indices in output order; default: all, in file order. */
  bands?: readonly number[];
  /** Output [width, height] for a decimated read (overviews are used where the file has them); default: the window's. */
  size?: readonly [width: number, height: number];
  signal?: AbortSignal;
}

/** Values as they stand in the file, band-major [bands, height, width]. */
export interface RasterWindow {
  data: RasterData;
  shape: readonly [bands: number, height: number, width: number];
}

/** An open raster. Reading is by window, so a raster never has to fit in memory. */
export interface Raster {
  /** Path or URL as the user gave it, for messages. */
  readonly path: string;
  /** GDAL's short driver name: "GTiff", "PNG", "JPEG", "WEBP", … */
  readonly driver: string;
  /** `crs` undefined: the file names none; the transform is then the identity, or that of a world file beside it. */
  readonly grid: Grid;
  readonly bands: readonly RasterBand[];
  /** Dataset metadata: GDAL items, and TIFF tags as "TIFFTAG_DATETIME", "TIFFTAG_IMAGEDESCRIPTION". */
  readonly metadata: Readonly<Record<string, string>>;
  /** Block [width, height] that is cheapest to read. */
  readonly blockSize: readonly [width: number, height: number];
  read(options?: ReadOptions): Promise<RasterWindow>;
  /**
   * [height, width], 1 valid, 0 not: from an alpha band, an internal mask or nodata; undefined: the file masks nothing.
   */
  readMask?(options?: ReadOptions): Promise<Uint8Array>;
  close(): Promise<void>;
}
