/**
 * GDAL's geotransform in reading order: x = a·col + b·row + c, y = d·col + e·row + f, where (0, 0) is the outer
 * corner of the upper-left pixel.
 */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Pixels on the ground. */
export interface Grid {
  /** "EPSG:n" where the code is known, else WKT or a PROJ string; undefined: pixel coordinates, no georeference. */
  crs: string | undefined;
  transform: Affine;
  width: number;
  height: number;
}

/** [col, row, width, height] in pixels from the upper-left corner. */
export type Window = readonly [col: number, row: number, width: number, height: number];

/** World coordinates [x, y] of a position in pixels; (0.5, 0.5) is the centre of the first pixel. */
export function pixelToWorld([a, b, c, d, e, f]: Affine, [col, row]: readonly [number, number]): [number, number] {
  return [a * col + b * row + c, d * col + e * row + f];
}

/** The inverse of {@link pixelToWorld}. */
export function worldToPixel([a, b, c, d, e, f]: Affine, [x, y]: readonly [number, number]): [number, number] {
  const det = a * e - b * d;
  return [(e * (x - c) - b * (y - f)) / det, (a * (y - f) - d * (x - c)) / det];
}

/** The transform of a grid whose pixels are `factor` times as large, with the same upper-left corner. */
export function scaleTransform([a, b, c, d, e, f]: Affine, factor: number): Affine {
  return [a * factor, b * factor, c, d * factor, e * factor, f];
}

/** The transform of the part of a grid that starts at pixel (col, row). */
export function shiftTransform(t: Affine, [col, row]: readonly [number, number]): Affine {
  const [x, y] = pixelToWorld(t, [col, row]);
  return [t[0], t[1], x, t[3], t[4], y];
}
