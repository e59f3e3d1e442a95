import { concat } from "../graph/ops/concat.ts";
import { gather } from "../graph/ops/gather.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { mul } from "../graph/ops/mul.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { softmax } from "../graph/ops/softmax.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import type { Bound, Initial } from "./parameters.ts";

/**
 * Attentive geo-context (Guo et al. 2024, arXiv:2312.10115, §3.4): a bank of prototypes for each region of the globe,
 * to which the fused features of a place in that region attend.
 *
 * Nothing of it was released. Regions here are an equal-area grid of n × n cells: column from the longitude, row from
 * the sine of the latitude, counted from south-west.
 */
export interface GeoContextConfig {
  /** n: cells along each axis; n² regions. */
  grid: number;
  /** Prototypes a region. */
  prototypes: number;
  width: number;
}

export function initGeoContext({ grid, prototypes, width }: GeoContextConfig) {
  // A bank before learning: directions drawn evenly, of length one on average.
  const direction: Initial = { kind: "normal", std: 1 / Math.sqrt(width) };
  return { prototypes: { shape: [grid * grid, prototypes, width], initial: direction } };
}

export type GeoContextParams = Bound<ReturnType<typeof initGeoContext>>;

/**
 * Region of a place on the n × n equal-area grid, 0 … n² − 1, west to east, then south to north.
 *
 * @param location  Degrees; longitudes beyond ±180 wrap around.
 */
export function regionOf({ longitude, latitude }: { longitude: number; latitude: number }, grid: number): number {
  const turns = (longitude + 180) / 360;
  const column = Math.min(Math.floor((turns - Math.floor(turns)) * grid), grid - 1);
  const height = (Math.sin((latitude * Math.PI) / 180) + 1) / 2;
  const row = Math.min(Math.floor(height * grid), grid - 1);
  return row * grid + column;
}

/**
 * [F, softmax(F Pᵀ/√d) P] along channels.
 *
 * @param fused  [batch, cells, width].
 * @param region  int64 [batch]; any region where `known` is 0.
 * @param known  [batch]: 1, or 0 where the location is unknown: the prototype half is then zero.
 * @returns [batch, cells, 2·width].
 */
export function geoContext(
  { prototypes }: GeoContextParams,
  fused: Tensor,
  { region, known }: { region: Tensor; known: Tensor },
): Tensor {
  const width = fused.shape.at(-1) as number;
  const bank = gather(prototypes, region);
  const weights = softmax(matMul(mul(fused, scalar(1 / Math.sqrt(width))), transpose(bank, [0, 2, 1])));
  const context = mul(matMul(weights, bank), reshape(known, [known.shape[0]!, 1, 1]));
  return concat([fused, context], { axis: 2 });
}

/**
 * The regions as GeoJSON (RFC 7946) polygons with the property `region`, for maps and for choosing one by eye.
 */
export function regionMap(grid: number) {
  const latitude = (row: number) => (Math.asin((2 * row) / grid - 1) * 180) / Math.PI;
  const longitude = (column: number) => (column / grid) * 360 - 180;
  const features = Array.from({ length: grid * grid }, (_, region) => {
    const [row, column] = [Math.floor(region / grid), region % grid];
    const [west, east] = [longitude(column), longitude(column + 1)];
    const [south, north] = [latitude(row), latitude(row + 1)];
    const ring = [
      [west, south],
      [east, south],
      [east, north],
      [west, north],
      [west, south],
    ];
    return {
      type: "Feature" as const,
      id: region,
      properties: { region },
      geometry: { type: "Polygon" as const, coordinates: [ring] },
    };
  });
  return { type: "FeatureCollection" as const, features };
}
