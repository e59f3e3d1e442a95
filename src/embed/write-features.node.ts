import type { LongCall } from "../core/progress.ts";
import { writeCog } from "../imagery/raster/write-cog.node.ts";
import type { Scene } from "../imagery/scene/scene.ts";
import { type FeatureFile, featureRows } from "./feature-file.node.ts";
import type { SkySense } from "./model.ts";
import { bandMajor, int8NoData, quantisationOf, quantise, type Ranges } from "./quantise.ts";
import { software } from "./software.ts";

/** How `features.tif` stores numbers. */
export type FeatureType = "int8" | "float16" | "float32";

export interface WriteFeaturesOptions extends LongCall {
  path: string;
  scene: Scene;
  model: SkySense;
  features: FeatureFile;
  dataType: FeatureType;
  /** Of each channel, for int8. */
  ranges: Ranges;
}

/** Write the dense features as a cloud-optimised GeoTIFF; returns what its STAC description says of it. */
export async function writeFeatures(options: WriteFeaturesOptions) {
  const { path, scene, model, features, dataType, ranges, signal, onProgress } = options;
  const { channels } = features;
  const abort = signal === undefined ? {} : { signal };
  const int8 = dataType === "int8";
  const quantisation = quantisationOf(ranges);
  async function* rows() {
    for await (const { data } of featureRows(features, abort)) {
      yield int8 ? quantise(data, quantisation) : bandMajor(data, channels);
    }
  }
  await writeCog({
    path,
    grid: scene.grid,
    type: int8 ? "int8" : "float32",
    ...(dataType === "float16" && { halfFloat: true }),
    bands: Array.from({ length: channels }, (_, c) => ({
      name: `feature ${c}`,
      ...(int8
        ? { nodata: int8NoData, scale: quantisation.scale[c]!, offset: quantisation.offset[c]! }
        : { nodata: Number.NaN }),
    })),
    metadata: { SOFTWARE: software, MODEL: model.name, WEIGHTS_SHA256: await model.weightsHash() },
    rows: rows(),
    ...abort,
    ...(onProgress && { onProgress }),
  });
  return {
    grid: scene.grid,
    dimensions: channels,
    dataType,
    ...(int8
      ? { nodata: int8NoData, scale: Array.from(quantisation.scale), offset: Array.from(quantisation.offset) }
      : { nodata: "nan" as const }),
  };
}
