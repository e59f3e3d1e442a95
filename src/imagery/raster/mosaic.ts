import type { Raster, RasterWindow, ReadOptions } from "../raster.ts";
import { unsupported } from "./errors.ts";

/**
 * Rasters of one grid as one: each pixel from the last of them that is valid there.
 *
 * @param onClose Called once, after all are closed.
 */
export function mosaic(rasters: readonly Raster[], onClose: () => Promise<void>): Raster {
  const first = rasters[0]!;
  for (const raster of rasters) {
    const same = raster.bands.length === first.bands.length && raster.bands[0]!.type === first.bands[0]!.type;
    if (!same)
      throw unsupported(raster.path, `bands or type differ from those of ${first.path}`, "Join images of one kind.");
  }
  async function read(options?: ReadOptions): Promise<RasterWindow> {
    const out = await first.read(options);
    const pixels = out.shape[1] * out.shape[2];
    for (const raster of rasters.slice(1)) {
      const [over, mask] = await Promise.all([raster.read(options), raster.readMask!(options)]);
      for (let i = 0; i < pixels; i++) {
        if (mask[i] === 0) continue;
        for (let at = i; at < out.data.length; at += pixels) out.data[at] = over.data[at]!;
      }
    }
    return out;
  }
  async function readMask(options?: ReadOptions): Promise<Uint8Array> {
    const masks = await Promise.all(rasters.map((raster) => raster.readMask!(options)));
    return masks[0]!.map((_, i) => (masks.some((mask) => mask[i] !== 0) ? 1 : 0));
  }
  return {
    ...first,
    path: rasters.map((raster) => raster.path).join(", "),
    read,
    readMask,
    async close() {
      await Promise.all(rasters.map((raster) => raster.close()));
      await onClose();
    },
  };
}
