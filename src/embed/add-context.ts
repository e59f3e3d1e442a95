import type { Engine } from "./engine.ts";
import type { FusedCells } from "./fuse-places.ts";

/**
 * Append the geo-context of each cell's region to its fused features: channels double.
 *
 * @param regions  [cells]; −1 where the location is not known: the second half of those cells is zero.
 */
export async function addContext(
  { fused, channels, valid }: FusedCells,
  regions: Int32Array,
  { sessions, signal }: Engine,
): Promise<FusedCells> {
  const joined = new Float32Array(fused.length * 2);
  for (let cell = 0; cell < valid.length; cell++) {
    joined.set(fused.subarray(cell * channels, (cell + 1) * channels), cell * 2 * channels);
  }
  for (const region of new Set(regions)) {
    if (region < 0) continue;
    const cells = [...regions.keys()].filter((cell) => regions[cell] === region && valid[cell] === 1);
    if (cells.length === 0) continue;
    const data = new Float32Array(cells.length * channels);
    for (const [i, cell] of cells.entries())
      data.set(fused.subarray(cell * channels, (cell + 1) * channels), i * channels);
    const session = await sessions.geoContext();
    const { context } = await session.run(
      {
        fused: { data, shape: [1, cells.length, channels] },
        region: { data: BigInt64Array.of(BigInt(region)), shape: [1] },
        known: { data: Float32Array.of(1), shape: [1] },
      },
      { signal },
    );
    const values = context!.data as Float32Array;
    for (const [i, cell] of cells.entries()) {
      joined.set(values.subarray(i * 2 * channels, (i + 1) * 2 * channels), cell * 2 * channels);
    }
  }
  for (const [cell, v] of valid.entries())
    if (v === 0) joined.fill(Number.NaN, cell * 2 * channels, (cell + 1) * 2 * channels);
  return { fused: joined, channels: 2 * channels, valid };
}
