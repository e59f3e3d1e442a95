import { availableParallelism } from "node:os";
import type { Raster } from "../raster.ts";
import { type BlockCache, blockCache } from "./block-cache.ts";
import { decompress } from "./decompress.node.ts";
import { unsupported } from "./errors.ts";
import { type FileKind, fileKind } from "./file-kind.ts";
import { openPicture } from "./open-picture.node.ts";
import { openTiff } from "./open-tiff.ts";
import type { ByteSource } from "./source.ts";
import { fileSource } from "./source-file.node.ts";
import { httpSource } from "./source-http.ts";
import { readWorldFile } from "./world-file.node.ts";

export interface OpenRasterOptions {
  /** Bound on the decoded blocks that are kept. Default: 256 MiB, shared by all rasters opened without this option. */
  cacheBytes?: number;
  signal?: AbortSignal;
}

const sharedCache = blockCache(2 ** 28);
const maxPictureBytes = 2 ** 29;

/**
 * Open a raster file for reading by window: GeoTIFF and COG from disk or by HTTP range requests, PNG, JPEG and WebP,
 * and from disk whatever else GDAL's WebAssembly build reads. The content decides, not the file's ending.
 *
 * @param path A file, or an http or https URL.
 * @throws SkySenseError `RASTER_NOT_FOUND` | `RASTER_DAMAGED` | `RASTER_UNSUPPORTED` | `RASTER_TOO_LARGE` | `HTTP_FAILED`
 */
export async function openRaster(path: string, options: OpenRasterOptions = {}): Promise<Raster> {
  const remote = /^https?:\/\//i.test(path);
  const source = remote ? await httpSource(path, options) : await fileSource(path);
  const cache = options.cacheBytes === undefined ? sharedCache : blockCache(options.cacheBytes);
  let keep = false;
  try {
    const [head] = await source.read([{ offset: 0, length: Math.min(64, source.size) }]);
    const kind = fileKind(head!);
    if (kind.reader === "none")
      throw unsupported(path, `a ${kind.name} file, which no reader here understands`, kind.remedy);
    const raster = await open(source, kind, { cache, remote });
    keep = kind.reader === "tiff" && raster.driver === "GTiff";
    return raster;
  } finally {
    if (!keep) await source.close();
  }
}

async function open(
  source: ByteSource,
  kind: FileKind,
  { cache, remote }: { cache: BlockCache; remote: boolean },
): Promise<Raster> {
  const { path } = source;
  const worldFile = remote ? undefined : await readWorldFile(path);
  if (kind.reader === "tiff") {
    return openTiff(source, { decompress, cache, parallel: availableParallelism() + 2, worldFile });
  }
  if (kind.reader === "picture") {
    if (!remote) return openPicture(path, path, { cache, worldFile });
    if (source.size > maxPictureBytes)
      throw unsupported(path, "a picture of more than 512 MiB on a server", "Download it.");
    const [bytes] = await source.read([{ offset: 0, length: source.size }]);
    return openPicture(path, bytes!, { cache, worldFile });
  }
  throw unsupported(path, "a file of unknown kind");
}
