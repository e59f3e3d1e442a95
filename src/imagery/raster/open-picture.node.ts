import sharp, { type Sharp } from "sharp";
import type { Affine } from "../../core/grid.ts";
import type { Raster, RasterBand, RasterData, RasterType } from "../raster.ts";
import type { BlockCache } from "./block-cache.ts";
import { damaged, tooLarge, unsupported } from "./errors.ts";
import { alphaBand } from "./mask.ts";
import { type BlockImage, readWindow } from "./read-window.ts";
import { typeBytes } from "./unpack.ts";

/** Larger pictures are decoded anew for every band of rows, so that a read stays within this. */
const blockBytes = 2 ** 27;
const maxPixels = 2 ** 31;
let opened = 0;

/**
 * Open a PNG, JPEG or WebP. 16-bit PNGs keep their 16 bits; palettes become RGB. The orientation of EXIF is ignored,
 * as GDAL does: a world file and labels refer to the pixels as they are stored.
 *
 * @param input Path, or the bytes of the file.
 * @throws SkySenseError `RASTER_DAMAGED` | `RASTER_UNSUPPORTED` | `RASTER_TOO_LARGE`
 */
export async function openPicture(
  path: string,
  input: string | Uint8Array,
  { cache, worldFile }: { cache: BlockCache; worldFile: Affine | undefined },
): Promise<Raster> {
  const open = (): Sharp => sharp(input, { failOn: "warning", limitInputPixels: false, sequentialRead: true });
  const info = await open()
    .metadata()
    .catch((cause: unknown) => {
      throw damaged(path, "the picture cannot be decoded", cause);
    });
  const { width, height } = info;
  if (width * height > maxPixels) {
    throw tooLarge(path, `a picture of ${width} × ${height} pixels`, "Convert it with gdal_translate -of COG.");
  }
  const wide = info.depth === "ushort";
  if (!wide && info.depth !== "uchar") throw unsupported(path, `a picture with samples of type ${info.depth}`);
  if (info.space === "cmyk" || info.channels > 4) throw unsupported(path, `a picture in ${info.space} colours`);
  const grey = info.channels <= 2;
  const channels: number = info.channels;
  const type: RasterType = wide ? "uint16" : "uint8";

  /** sharp converts to 8-bit sRGB unless told the space that the file has. */
  const keep = (image: Sharp): Sharp =>
    image.toColourspace(wide ? (grey ? "grey16" : "rgb16") : grey ? "b-w" : "srgb").raw({
      depth: wide ? "ushort" : "uchar",
    });

  async function rows(top: number, count: number): Promise<RasterData> {
    const image = count === height ? open() : open().extract({ left: 0, top, width, height: count });
    const { data, info: got } = await keep(image)
      .toBuffer({ resolveWithObject: true })
      .catch((cause: unknown) => {
        throw damaged(path, "the picture cannot be decoded", cause);
      });
    if (got.channels !== channels || data.length !== width * count * channels * typeBytes[type]) {
      throw damaged(path, `decoding gave ${got.channels} bands where the header says ${channels}`);
    }
    return planes(data, { type, channels, pixels: width * count });
  }

  const rowBytes = width * channels * typeBytes[type];
  const blockHeight = Math.max(1, Math.min(height, Math.floor(blockBytes / rowBytes)));
  const key = `picture ${opened++}/`;
  const level: BlockImage = {
    ...{ width, height, blockWidth: width, blockHeight, blockBands: channels },
    async load(refs, use, signal) {
      for (const ref of refs) {
        signal?.throwIfAborted();
        let block = cache.get(key + ref.row);
        if (block === undefined) {
          block = rows(ref.row * blockHeight, Math.min(blockHeight, height - ref.row * blockHeight));
          cache.put(key + ref.row, block);
        }
        use(ref, await block);
      }
    },
  };
  const bands = describe(channels, type);
  const alpha = alphaBand(bands);
  const target = {
    ...{ path, width, height, type, levels: [level] },
    fill: bands.map(() => undefined),
    bandNames: bands.map((band) => band.name),
  };
  return {
    path,
    driver: info.format === "webp" ? "WEBP" : info.format.toUpperCase(),
    grid: { crs: undefined, transform: worldFile ?? [1, 0, 0, 0, 1, 0], width, height },
    bands,
    metadata: {},
    blockSize: [width, blockHeight],
    read: (options) => readWindow(target, options),
    ...(alpha !== undefined && {
      readMask: async (options) => {
        const { data } = await readWindow(target, { ...options, bands: [alpha] });
        return Uint8Array.from(data, (value) => (value === 0 ? 0 : 1));
      },
    }),
    async close() {
      cache.drop(key);
    },
  };
}

function describe(channels: number, type: RasterType): RasterBand[] {
  const colours = channels <= 2 ? ["gray", "alpha"] : ["red", "green", "blue", "alpha"];
  return colours.slice(0, channels).map((colour) => ({
    ...{ name: undefined, type, nodata: undefined, scale: undefined, offset: undefined, unit: undefined },
    ...{ colour, metadata: {} },
  }));
}

/** Interleaved bytes to band after band. */
function planes(
  data: Buffer,
  { type, channels, pixels }: { type: RasterType; channels: number; pixels: number },
): RasterData {
  const bytes = data.byteOffset % 2 === 0 ? data : new Uint8Array(data);
  const src =
    type === "uint16"
      ? new Uint16Array(bytes.buffer, bytes.byteOffset, channels * pixels)
      : new Uint8Array(bytes.buffer, bytes.byteOffset, channels * pixels);
  if (channels === 1) return src;
  const out = type === "uint16" ? new Uint16Array(src.length) : new Uint8Array(src.length);
  for (let band = 0; band < channels; band++) {
    const start = band * pixels;
    for (let i = 0, from = band; i < pixels; i++, from += channels) out[start + i] = src[from]!;
  }
  return out;
}
