import { modelBands } from "../../imagery/sensor/profiles.ts";
import type { BatchSource } from "../../train/batch.ts";
import type { Communicator } from "../../train/communicator.ts";
import { createLoader, type Loader, type TrainingSample } from "../../train/data/loader.node.ts";
import { mmsegPhotometric } from "../../train/data/photometric.ts";
import type { MapperConfig } from "./mapper.ts";

/** How crops of labelled images are cut and changed. */
export interface CropSettings {
  /** Crops of a step, over all processes. */
  batchSize: number;
  /** Side of the crops, in pixels. */
  size: number;
  /** Factor by which images are enlarged or shrunk before they are cut, [min, max]. */
  scale: readonly [min: number, max: number];
  /** Turn crops by quarters, which mmseg does not: seen from above, nothing is upright. */
  rotations: boolean;
  seed: number;
}

/**
 * Crops of labelled images, no class more than three quarters of them where that can be, mirrored, turned and changed in
 * colour, each date in its own way.
 */
export function cropLoader(
  samples: readonly TrainingSample[],
  { sensor, bands, size }: MapperConfig,
  { batchSize, seed, scale, rotations }: CropSettings,
  { dates, communicator }: { dates: number; communicator?: Communicator | undefined },
): Loader {
  return createLoader({
    samples,
    classes: 0,
    batchSize,
    seed,
    ...(communicator && { share: { rank: communicator.rank, size: communicator.size } }),
    recipe: {
      sensors: { [sensor]: { size, bands: bands.map((k) => modelBands(sensor)[k]!), dates } },
      crop: { scale, maxShare: 0.75 },
      flips: true,
      rotations,
      ...(sensor === "hr" && { photometric: mmsegPhotometric }),
    },
  });
}

/** Batches as training graphs take them: "images" [batch, (dates,) bands, size, size] and "labels" [batch, size, size]. */
export function cropFeeds(loader: Loader, { sensor, size }: MapperConfig): BatchSource {
  return {
    async batch(index, options) {
      const { stacks, labelMaps, samples, ids } = await loader.batch(index, options);
      const { data, shape } = stacks[sensor]!;
      const [count, dates, bands, height, width] = shape;
      return {
        feeds: {
          images: { data, shape: [count, ...(dates > 1 ? [dates] : []), bands, height, width] },
          labels: { data: BigInt64Array.from(labelMaps!, BigInt), shape: [samples, size, size] },
        },
        samples,
        files: ids,
      };
    },
    close: () => loader.close(),
  };
}
