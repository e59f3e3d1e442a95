import { SkySenseError } from "../../core/error.ts";

const redo = "Get the file again, or rewrite it with gdal_translate -of COG.";

/** The file contradicts itself or its format: truncated, overwritten, or never valid. */
export function damaged(path: string, what: string, cause?: unknown): SkySenseError {
  return new SkySenseError({ code: "RASTER_DAMAGED", what, where: path, remedy: redo, cause });
}

/** The file may be valid, but nothing here reads its kind. */
export function unsupported(path: string, what: string, remedy?: string): SkySenseError {
  return new SkySenseError({
    code: "RASTER_UNSUPPORTED",
    what,
    where: path,
    remedy: remedy ?? "Convert it with gdal_translate -of COG in.ext out.tif.",
  });
}

const gdalMayRead = "GDAL may read it";

/** As {@link unsupported}, for kinds that GDAL's build reads where it can be asked. */
export function unsupportedHere(path: string, what: string): SkySenseError {
  const { code, remedy } = unsupported(path, what);
  return new SkySenseError({ code, what, where: path, ...(remedy && { remedy }), cause: gdalMayRead });
}

/** Whether it is worth to ask GDAL after this error. */
export function gdalMayReadAfter(error: unknown): boolean {
  return error instanceof SkySenseError && error.cause === gdalMayRead;
}

/** The file, or the part of it that was asked for, is more than we are willing to hold in memory. */
export function tooLarge(path: string, what: string, remedy: string): SkySenseError {
  return new SkySenseError({ code: "RASTER_TOO_LARGE", what, where: path, remedy });
}
