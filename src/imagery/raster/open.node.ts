import { availableParallelism } from "node:os";
import type { Raster } from "../raster.ts";
import { type BlockCache, blockCache } from "./block-cache.ts";
import { decompress } from "./decompress.node.ts";
import { gdalMayReadAfter, unsupported, unsupportedHere } from "./errors.ts";
import { fileKind } from "./file-kind.ts";
import { crsFromGdal, openGdal } from "./open-gdal.node.ts";
import { openNpy } from "./open-npy.ts";
import { openPicture } from "./open-picture.node.ts";
import { openTiff } from "./open-tiff.ts";
import type { ByteSource } from "./source.ts";
import { fileSource } from "./source-file.node.ts";
import { httpSource } from "./source-http.ts";
import { checkWebpLength } from "./webp.ts";
import { readWorldFile } from "./world-file.node.ts";

export interface OpenRasterOptions {
  /** Bound on the decoded blocks that are kept. Default: 256 MiB, shared by all rasters opened without this option. */
  cacheBytes?: number;
  signal?: AbortSignal;
}

const sharedCache = blockCache(2 ** 28);
const maxPictureBytes = 2 ** 29;

/**
 * Open a raster file for reading by window: GeoTIFF, COG and arrays of NumPy from disk or by HTTP range requests, PNG,
 * JPEG and WebP, and from disk whatever else GDAL's WebAssembly build reads. The content decides, not the file's ending.
 *
 * @param path A file, or an http or https URL.
 * @throws SkySenseError `RASTER_NOT_FOUND` | `RASTER_DAMAGED` | `RASTER_UNSUPPORTED` | `RASTER_TOO_LARGE` | `HTTP_FAILED`
 */
export async function openRaster(path: string, options: OpenRasterOptions = {}): Promise<Raster> {
  const remote = /^https?:\/\//i.test(path);
  const source = remote ? await httpSource(path, options) : await fileSource(path);
  const cache = options.cacheBytes === undefined ? sharedCache : blockCache(options.cacheBytes);
  let keep = /* the raster reads on from this source */ false;
  try {
    const [head] = await source.read([{ offset: 0, length: Math.min(16, source.size) }]);
    const kind = fileKind(head!);
    if (kind.reader === "none") {
      throw unsupported(path, `a ${kind.name} file, which no reader here understands`, kind.remedy);
    }
    checkWebpLength(path, head!, source.size);
    keep = kind.reader === "tiff" || kind.reader === "npy";
    return await openKind(source, kind.reader, { cache, remote }).catch((error: unknown) => {
      keep = false;
      if (remote || !gdalMayReadAfter(error)) throw error;
      return openGdal(path).catch((second: unknown) => {
        // What our own reader did not understand says more than GDAL's "not recognised".
        throw kind.reader === "gdal" ? second : error;
      });
    });
  } finally {
    if (!keep) await source.close();
  }
}

async function openKind(
  source: ByteSource,
  reader: "tiff" | "picture" | "npy" | "gdal",
  { cache, remote }: { cache: BlockCache; remote: boolean },
): Promise<Raster> {
  const { path } = source;
  const worldFile = remote ? undefined : await readWorldFile(path);
  if (reader === "tiff") {
    const crsByOther = remote ? undefined : () => crsFromGdal(path);
    return openTiff(source, { decompress, cache, parallel: availableParallelism() + 2, worldFile, crsByOther });
  }
  if (reader === "npy") return openNpy(source, { cache, worldFile });
  if (reader === "picture") {
    if (!remote) return openPicture(path, path, { cache, worldFile });
    if (source.size > maxPictureBytes) {
      throw unsupported(path, "a picture of more than 512 MiB on a server", "Download it.");
    }
    const [bytes] = await source.read([{ offset: 0, length: source.size }]);
    return openPicture(path, bytes!, { cache, worldFile });
  }
  throw unsupportedHere(path, "a file that is not a GeoTIFF, PNG, JPEG, WebP or .npy");
}
