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
  const channels: number = info.channels;
  const type: RasterType = wide ? "uint16" : "uint8";
  const bands = describe(channels, type);

  /** sharp converts to 8-bit sRGB unless told the space that the file has; as a grey space it would drop the alpha. */
  const grey = channels === 1;
  const space = wide ? (grey ? "grey16" : "rgb16") : grey ? "b-w" : "srgb";
  const decoded = channels === 2 ? [0, 3] : bands.map((_, i) => i);

  async function rows(top: number, count: number): Promise<RasterData> {
    const image = count === height ? open() : open().extract({ left: 0, top, width, height: count });
    const { data, info: got } = await image
      .toColourspace(space)
      .raw({ depth: wide ? "ushort" : "uchar" })
      .toBuffer({ resolveWithObject: true })
      .catch((cause: unknown) => {
        throw damaged(path, "the picture cannot be decoded", cause);
      });
    if (got.channels !== decoded.at(-1)! + 1 || data.length !== width * count * got.channels * typeBytes[type]) {
      throw damaged(path, `decoding gave ${got.channels} bands where the header says ${channels}`);
    }
    return planes(data, { type, channels: got.channels, chosen: decoded, pixels: width * count });
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

/** Interleaved bytes to the chosen channels, one after the other. */
function planes(
  data: Buffer,
  {
    type,
    channels,
    chosen,
    pixels,
  }: { type: RasterType; channels: number; chosen: readonly number[]; pixels: number },
): RasterData {
  const bytes = data.byteOffset % 2 === 0 ? data : new Uint8Array(data);
  const Words = type === "uint16" ? Uint16Array : Uint8Array;
  const src = new Words(bytes.buffer as ArrayBuffer, bytes.byteOffset, channels * pixels);
  if (channels === 1) return src;
  const out = new Words(chosen.length * pixels);
  chosen.forEach((channel, band) => {
    const start = band * pixels;
    for (let i = 0, from = channel; i < pixels; i++, from += channels) out[start + i] = src[from]!;
  });
  return out;
}
