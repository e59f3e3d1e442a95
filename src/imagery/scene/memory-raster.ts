import type { Grid } from "../../core/grid.ts";
import type { Raster, RasterBand, RasterType, ReadOptions } from "../raster.ts";

/** Types whose arrays hold whole numbers or floats, by GDAL's names. */
const arrays = {
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

export interface MemoryRaster {
  path: string;
  width: number;
  height: number;
  /** The value at a pixel of a band. */
  value: (band: number, col: number, row: number) => number;
  bands: readonly Partial<RasterBand>[];
  type?: keyof typeof arrays;
  grid?: Partial<Grid>;
  driver?: string;
  metadata?: Record<string, string>;
  /** 1 valid, 0 not: the file's own mask. */
  mask?: (col: number, row: number) => number;
  /** Called with the window and bands of every read. */
  onRead?: (options: ReadOptions) => void;
}

/** A raster whose pixels are a function, for tests: of any size, read by window. */
export function memoryRaster({
  path,
  width,
  height,
  value,
  type = "uint8",
  onRead,
  mask,
  ...rest
}: MemoryRaster): Raster {
  const windowOf = ({ window }: ReadOptions) => window ?? ([0, 0, width, height] as const);
  const raster: Raster = {
    path,
    driver: rest.driver ?? "GTiff",
    grid: { crs: undefined, transform: [1, 0, 0, 0, 1, 0], width, height, ...rest.grid },
    bands: rest.bands.map((band) => ({ ...blank, type: type as RasterType, ...band })),
    metadata: rest.metadata ?? {},
    blockSize: [256, 256],
    async read(options = {}) {
      onRead?.(options);
      const [col, row, w, h] = windowOf(options);
      if (col < 0 || row < 0 || w < 1 || h < 1 || col + w > width || row + h > height) {
        throw new Error(`window ${[col, row, w, h].join()} outside of ${width} × ${height}`);
      }
      const bands = options.bands ?? rest.bands.map((_, b) => b);
      const data = new arrays[type](bands.length * w * h);
      let at = 0;
      for (const band of bands) {
        for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) data[at++] = value(band, col + x, row + y);
      }
      return { data, shape: [bands.length, h, w] };
    },
    async close() {},
  };
  if (mask !== undefined) {
    raster.readMask = async (options = {}) => {
      const [col, row, w, h] = windowOf(options);
      return Uint8Array.from({ length: w * h }, (_, i) => mask(col + (i % w), row + Math.floor(i / w)));
    };
  }
  return raster;
}

const blank: RasterBand = {
  name: undefined,
  type: "uint8",
  nodata: undefined,
  scale: undefined,
  offset: undefined,
  unit: undefined,
  colour: undefined,
  metadata: {},
};
