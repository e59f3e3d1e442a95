import { open } from "node:fs/promises";
import { join } from "node:path";
import type { LongCall } from "../../core/progress.ts";
import { type FeatureFile, featureRows } from "../../embed/feature-file.node.ts";
import { pixelHectares } from "../../imagery/out/region-feature.ts";
import { seenPixels } from "../../train/data/seen-labels.ts";
import { classRows } from "./class-rows.ts";
import { type MapperConfig, stride } from "./mapper.ts";
import type { MappedScene } from "./scene-grid.node.ts";

/** What a class map holds where the image holds nothing. */
export const noClass = 255;

/** A class map and its confidence on disk, bytes [height, width], and what is counted on it. */
export interface ClassMapFile {
  labels: string;
  confidence: string;
  /** Of each class. */
  pixels: readonly number[];
  /** Of each class; undefined without georeference. */
  hectares: readonly number[] | undefined;
  /** Pixels without an image. */
  empty: number;
}

/**
 * Which cells have no scores (NaN), 1 each; undefined: none. Their scores become 0, which disturbs no neighbour.
 * @param scores  [cells, classes], changed in place
 */
export function emptyCells(scores: Float32Array, classes: number): Uint8Array | undefined {
  let empty: Uint8Array | undefined;
  for (let from = 0; from < scores.length; from += classes) {
    if (!Number.isNaN(scores[from]!)) continue;
    empty ??= new Uint8Array(scores.length / classes);
    empty[from / classes] = 1;
    scores.fill(0, from, from + classes);
  }
  return empty;
}

/** Turn a file of class scores into a class map on disk, a few rows at a time. */
export async function writeClassMap(
  scores: FeatureFile,
  { scene, pixels: grid }: MappedScene,
  {
    config,
    work,
    masked,
    probabilityOf,
    signal,
    onProgress,
  }: {
    config: MapperConfig;
    work: string;
    /** False: the image is known to fill its grid, and its masks are not read. */
    masked: boolean;
    /** Of two classes, the one whose probability is written; default: the more probable one of each pixel. */
    probabilityOf?: number;
  } & LongCall,
): Promise<ClassMapFile> {
  const { width, height } = grid;
  const classes = config.classes.length;
  const counts = new Float64Array(classes);
  const areas = new Float64Array(classes);
  const areaOf = pixelHectares(grid);
  let empty = 0;
  const paths = { labels: join(work, "labels.raw"), confidence: join(work, "confidence.raw") };
  const [labelFile, confidenceFile] = await Promise.all([open(paths.labels, "w"), open(paths.confidence, "w")]);
  const field = { rows: scores.height, columns: scores.width, classes, stride: stride(config), width, height };
  const holes = new Map<number, Uint8Array>();
  async function* pieces() {
    for await (const { first, count, data } of featureRows(scores, signal === undefined ? {} : { signal })) {
      const empty = emptyCells(data, classes);
      for (let row = 0; empty !== undefined && row < count; row++) {
        holes.set(first + row, empty.subarray(row * scores.width, (row + 1) * scores.width));
      }
      yield data;
    }
  }
  try {
    const masks = masked ? maskReader({ scene, pixels: grid }, config, signal) : undefined;
    for await (const { first, count, labels, confidence } of classRows(pieces(), field)) {
      const valid = await masks?.(first, count);
      for (let row = 0; row < count; row++) {
        const hectares = areaOf?.(first + row) ?? 0;
        const hole = holes.get(Math.floor((first + row) / field.stride));
        for (let p = row * width; p < (row + 1) * width; p++) {
          if (valid?.[p] === 0 || hole?.[Math.floor((p - row * width) / field.stride)] === 1) {
            labels[p] = noClass;
            confidence[p] = noClass;
            empty++;
            continue;
          }
          if (probabilityOf !== undefined) {
            // Interpolated probabilities are near those of interpolated scores; of two, the higher is half at least.
            const sure = Math.max(50, confidence[p]!);
            confidence[p] = labels[p] === probabilityOf ? sure : 100 - sure;
          }
          counts[labels[p]!]!++;
          areas[labels[p]!]! += hectares;
        }
      }
      await labelFile.writeFile(labels);
      await confidenceFile.writeFile(confidence);
      for (const row of holes.keys()) if ((row + 1) * field.stride <= first + count) holes.delete(row);
      onProgress?.({ phase: "classify", done: first + count, total: height, unit: "rows" });
    }
  } finally {
    await Promise.all([labelFile.close(), confidenceFile.close()]);
  }
  return { ...paths, pixels: [...counts], hectares: areaOf && [...areas], empty };
}

/** Rows of cells of which the masks are read at a time. */
const cellRows = 16;

/** Reads which pixels of some rows hold an image, [count, width]; undefined: all of them. Rows are asked for in order. */
function maskReader({ scene, pixels }: MappedScene, config: MapperConfig, signal: AbortSignal | undefined) {
  const cell = stride(config);
  let strip: { first: number; end: number; wide: number; mask: Uint8Array | undefined } | undefined;
  const stripAt = async (row: number) => {
    if (strip !== undefined && row < strip.end) return strip;
    const top = Math.floor(row / cell);
    const rows = Math.min(cellRows, scene.grid.height - top);
    const place = await scene.read([0, top, scene.grid.width, rows], signal === undefined ? {} : { signal });
    const stack = place[config.sensor]!;
    strip = {
      first: top * cell,
      end: (top + rows) * cell,
      wide: stack.shape[3],
      mask: seenPixels(stack, { on: "all dates" }),
    };
    return strip;
  };
  return async (first: number, count: number): Promise<Uint8Array | undefined> => {
    let out: Uint8Array | undefined;
    for (let row = first; row < first + count; row++) {
      const { mask, wide, first: top } = await stripAt(row);
      if (mask === undefined) continue;
      out ??= new Uint8Array(count * pixels.width).fill(1);
      out.set(mask.subarray((row - top) * wide, (row - top) * wide + pixels.width), (row - first) * pixels.width);
    }
    return out;
  };
}
