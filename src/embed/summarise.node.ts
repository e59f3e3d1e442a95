import { createCellSample, type FeatureColours, featurePicture, fitFeatureColours } from "../report/pca.ts";
import type { Picture } from "../report/picture.ts";
import { type FeatureFile, featureRows } from "./feature-file.node.ts";
import { bandMajor, emptyRanges, type Ranges, widenRanges } from "./quantise.ts";
import { type TileVector, tileMeans } from "./tile-vectors.ts";

/** What one pass over the features finds. */
export interface FeatureSummary {
  ranges: Ranges;
  colours: FeatureColours;
  tiles: TileVector[];
}

/** Ranges, colours and tile means of a feature map. @param options.tile  Side of a tile, in cells. */
export async function summarise(
  file: FeatureFile,
  { tile, signal }: { tile: number; signal?: AbortSignal },
): Promise<FeatureSummary> {
  const { width, channels } = file;
  const ranges = emptyRanges(channels);
  const sample = createCellSample(channels);
  const means = tileMeans({ ...file, side: tile });
  const tiles: TileVector[] = [];
  for await (const { first, count, data } of featureRows(file, signal === undefined ? {} : { signal })) {
    widenRanges(ranges, data);
    sample.add(bandMajor(data, channels));
    for (let row = 0; row < count; row++) {
      const line = data.subarray(row * width * channels, (row + 1) * width * channels);
      tiles.push(...means.push(first + row, line));
    }
  }
  return { ranges, colours: fitFeatureColours(sample.rows()), tiles };
}

/** More cells than this along a side do not show. */
const maxPictureSide = 1000;

/** The features as colours; of large maps every n-th cell. */
export async function pictureOfFeatures(
  file: FeatureFile,
  colours: FeatureColours,
  { signal }: { signal?: AbortSignal } = {},
): Promise<Picture> {
  const { width, height, channels } = file;
  const step = Math.ceil(Math.max(width, height) / maxPictureSide);
  const [w, h] = [Math.ceil(width / step), Math.ceil(height / step)];
  const rgba = new Uint8ClampedArray(4 * w * h);
  for await (const { first, count, data } of featureRows(file, signal === undefined ? {} : { signal })) {
    for (let row = first + ((step - (first % step)) % step); row < first + count; row += step) {
      const line = new Float32Array(channels * w);
      for (let x = 0; x < w; x++) {
        const from = ((row - first) * width + x * step) * channels;
        for (let c = 0; c < channels; c++) line[c * w + x] = data[from + c]!;
      }
      rgba.set(featurePicture(colours, line, { width: w, height: 1 }).rgba, (row / step) * w * 4);
    }
  }
  return { width: w, height: h, rgba };
}
