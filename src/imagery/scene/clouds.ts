import { dayOf } from "../sensor/dates.ts";
import type { InspectedClasses } from "./inspect-file.ts";
import { sampleRaw } from "./sample.ts";

/** Scene classes of sen2cor that hide the ground: cloud shadow, medium and high cloud, thin cirrus. */
const cloudy = new Set([3, 8, 9, 10]);

/** Share of cloudy pixels a day, 0 to 1, over a sample of each file; pixels without a class are left out. */
export async function cloudShares(
  files: readonly InspectedClasses[],
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const shares = new Map<string, number>();
  for (const { raster, layout } of files) {
    const emptiness = { nodata: raster.bands.map(() => 0), rule: "any", fileMask: false } as const;
    const bands = layout.slots.map(({ index }) => index);
    const columns = await sampleRaw({ raster, layout, emptiness }, { bands, signal });
    for (const [i, { date }] of layout.slots.entries()) {
      const known = columns[i]!.filter((value) => !Number.isNaN(value));
      const day = layout.dates[date];
      if (day !== undefined) shares.set(dayOf(day), known.filter((value) => cloudy.has(value)).length / known.length);
    }
  }
  return shares;
}
