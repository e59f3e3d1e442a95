import type { Raster, ReadOptions } from "../raster.ts";
import { maskFromNodata } from "./mask.ts";

/** What the raster is to be called: all but its pixels. */
export type Description = Pick<Raster, "path" | "driver" | "metadata" | "grid" | "bands">;

/** A raster whose last band is a mask, as one that has the other bands and `readMask`. */
export function withoutAlpha(raster: Raster, description: Description): Raster {
  const { bands } = description;
  const all = bands.map((_, i) => i);
  const nodata = raster.bands.map((band) => band.nodata);
  const read = (options: ReadOptions = {}) => raster.read({ ...options, bands: options.bands ?? all });
  return {
    ...description,
    bands: bands.map((band, i) => ({ ...band, nodata: band.nodata ?? nodata[i] })),
    blockSize: raster.blockSize,
    read,
    async readMask(options = {}) {
      const alpha = await raster.read({ ...options, bands: [bands.length] });
      const wanted = options.bands ?? all;
      const valid = nodata.some((value) => value !== undefined)
        ? maskFromNodata(
            await read(options),
            wanted.map((band) => nodata[band]),
          )
        : undefined;
      return Uint8Array.from(alpha.data, (value, i) => (value !== 0 && valid?.[i] !== 0 ? 1 : 0));
    },
    close: () => raster.close(),
  };
}
