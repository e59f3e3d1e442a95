import { open } from "node:fs/promises";
import { SkySenseError } from "../../core/error.ts";
import { damaged } from "./errors.ts";
import { type ByteSource, checkRanges } from "./source.ts";

/**
 * Open a local file for random access.
 *
 * @throws SkySenseError `RASTER_NOT_FOUND` | `RASTER_DAMAGED` (empty file)
 */
export async function fileSource(path: string): Promise<ByteSource> {
  const handle = await open(path, "r").catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === "ENOENT" ? "no such file" : `the file cannot be opened: ${cause.code}`;
    throw new SkySenseError({
      code: "RASTER_NOT_FOUND",
      what,
      where: path,
      remedy: "Check the path and its permissions.",
      cause,
    });
  });
  const info = await handle.stat();
  if (!info.isFile() || info.size === 0) {
    await handle.close();
    if (info.isFile()) throw damaged(path, "the file is empty");
    throw new SkySenseError({
      code: "RASTER_NOT_FOUND",
      what: "expected a file, found a directory or device",
      where: path,
      remedy: "Give the path of an image file.",
    });
  }
  const source = { path, size: info.size };
  return {
    ...source,
    async read(ranges, signal) {
      checkRanges(source, ranges);
      const out: Uint8Array[] = [];
      for (const { offset, length } of ranges) {
        signal?.throwIfAborted();
        const bytes = new Uint8Array(length);
        let done = 0;
        while (done < length) {
          const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
          if (bytesRead === 0) throw damaged(path, "the file became shorter while it was read");
          done += bytesRead;
        }
        out.push(bytes);
      }
      return out;
    },
    close: () => handle.close(),
  };
}
