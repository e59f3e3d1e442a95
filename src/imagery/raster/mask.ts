import type { RasterBand, RasterWindow } from "../raster.ts";

/** The alpha band, unless it is named: some writers let a fourth measured band pass as alpha. */
export function alphaBand(bands: readonly RasterBand[]): number | undefined {
  const index = bands.findIndex((band) => band.colour === "alpha");
  if (index < 0) return undefined;
  const { name } = bands[index]!;
  return name === undefined || /alpha|mask/i.test(name) ? index : undefined;
}

/**
 * A pixel is valid when any band is: what GDAL and rasterio call the dataset mask.
 *
 * @param nodata One a band of `window`; undefined: the band is valid everywhere.
 * @returns [height, width], 1 valid
 */
export function maskFromNodata(window: RasterWindow, nodata: readonly (number | undefined)[]): Uint8Array {
  const [bands, height, width] = window.shape;
  const pixels = height * width;
  const mask = new Uint8Array(pixels);
  for (let band = 0; band < bands; band++) {
    const plane = window.data.subarray(band * pixels, (band + 1) * pixels);
    let missing = nodata[band];
    if (missing === undefined) return mask.fill(1);
    if (plane instanceof Float32Array) missing = Math.fround(missing);
    if (Number.isNaN(missing)) {
      for (let i = 0; i < pixels; i++) if (!Number.isNaN(plane[i]!)) mask[i] = 1;
    } else {
      for (let i = 0; i < pixels; i++) if (plane[i] !== missing) mask[i] = 1;
    }
  }
  return mask;
}
