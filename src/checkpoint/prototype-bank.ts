import { SkySenseError } from "../core/error.ts";
import { type StoredTensor, toFloat32 } from "../core/safetensors.ts";

/**
 * The bank of geo-context prototypes as a file: a `.safetensors` file with two tensors, alone or among a model's
 * weights,
 *
 *   geo_context.prototypes  float [n², prototypes, width]: of each region of the n × n equal-area grid (`regionOf`)
 *   geo_context.visits      I32 [n²]: how often pre-training saw the region; 0: its prototypes were never learned
 *
 * Without `visits` (a bank that is not learned yet) every region counts as known.
 */
export interface PrototypeBank {
  /** n. */
  grid: number;
  /** [n², prototypes, width]. */
  prototypes: Float32Array;
  shape: readonly [regions: number, prototypes: number, width: number];
  /** [n²]. */
  visits: Int32Array | undefined;
}

const names = { prototypes: "geo_context.prototypes", visits: "geo_context.visits" } as const;

/** A bank as tensors of a file. */
export function bankTensors({ prototypes, shape, visits }: PrototypeBank): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>([
    [names.prototypes, { dtype: "F32", shape, data: prototypes as Float32Array<ArrayBuffer> }],
  ]);
  if (visits !== undefined) {
    tensors.set(names.visits, { dtype: "I32", shape: [shape[0]], data: visits as Int32Array<ArrayBuffer> });
  }
  return tensors;
}

/**
 * The bank among the tensors of a file; undefined: it holds none.
 * @throws SkySenseError `BAD_BANK`
 */
export function readBank(
  get: (name: string) => StoredTensor | undefined,
  { file }: { file: string },
): PrototypeBank | undefined {
  const stored = get(names.prototypes);
  if (stored === undefined) return undefined;
  const bad = (what: string) =>
    new SkySenseError({ code: "BAD_BANK", what, where: file, remedy: "Use a bank that this software wrote." });
  const [regions, prototypes, width] = stored.shape;
  const grid = Math.sqrt(regions ?? 0);
  if (stored.shape.length !== 3 || !Number.isInteger(grid) || grid < 1) {
    throw bad(`prototypes of shape [${stored.shape}] are none of an n × n grid of regions`);
  }
  const visits = get(names.visits);
  if (visits !== undefined && (visits.dtype !== "I32" || visits.shape.length !== 1 || visits.shape[0] !== regions)) {
    throw bad(`visits are ${visits.dtype} [${visits.shape}], not I32 [${regions}]`);
  }
  return {
    grid,
    prototypes: toFloat32(stored),
    shape: [regions!, prototypes!, width!],
    visits: visits?.data as Int32Array | undefined,
  };
}
