import { SkySenseError } from "../../core/error.ts";
import type { Window } from "../../core/grid.ts";
import type { ImageStack } from "../../core/place.ts";
import type { LongCall } from "../../core/progress.ts";
import { partsOf } from "../../evaluate/blocks.ts";
import { type Confusion, confusionMatrix } from "../../evaluate/confusion.ts";
import { noneJudged } from "../../evaluate/none-judged.ts";
import { ignoredLabel, isLabelFault, type LabelMap } from "../../train/data/label-map.ts";
import type { TrainingSample } from "../../train/data/loader.node.ts";
import { readLabelled } from "../../train/data/read-sample.node.ts";
import { type ClassMap, mapImage, partOf } from "./map-image.node.ts";
import type { MapSession } from "./map-session.node.ts";
import type { WindowOptions } from "./tiling.ts";

/** What an image's class map is worth. */
export interface JudgedImage {
  id: string;
  /** Of its labelled pixels that an image shows. */
  confusion: Confusion;
}

/** A part of an image of which much was classified wrongly. */
export interface WorstTile {
  id: string;
  window: Window;
  /** Share of its labelled pixels. */
  wrong: number;
  image: ImageStack;
  /** [height, width]; `ignoredLabel` where nothing was judged. */
  truth: Uint8Array;
  said: Uint8Array;
}

export interface Judgement {
  images: readonly JudgedImage[];
  /** The worst first. */
  worst: readonly WorstTile[];
  failures: readonly { id: string; reason: string }[];
}

/** Longest side of the tiles that are shown, and how many. */
const tileSide = 256;
const tilesShown = 8;

/** Gets the map of the sample at a position, [height, width]. */
export type OnMap = (position: number, labels: Uint8Array) => Promise<void>;

/**
 * Map labelled places and compare the maps with their labels.
 * @throws SkySenseError `BAD_LABEL` | `MASK_SIZE` | `TOO_MANY_UNREADABLE`: no place could be read
 */
export async function judgeMapper(
  session: MapSession,
  samples: readonly TrainingSample[],
  { signal, onProgress, onMap, window, overlap }: WindowOptions & LongCall & { onMap?: OnMap } = {},
): Promise<Judgement> {
  const images: JudgedImage[] = [];
  const failures: { id: string; reason: string }[] = [];
  let worst: WorstTile[] = [];
  for (const [i, sample] of samples.entries()) {
    signal?.throwIfAborted();
    const { id } = sample;
    try {
      const { image, truth } = await readItem(session, sample, signal);
      const said = await mapImage(session, { [session.config.sensor]: image }, { window, overlap, signal });
      await onMap?.(i, said.labels);
      const classes = session.config.classes.length;
      images.push({ id, confusion: confusionMatrix(truth.data, said.labels, { classes, ignore: ignoredLabel }) });
      worst = [...worst, ...tilesOf(id, { image, truth, said })]
        .sort((a, b) => b.wrong - a.wrong)
        .slice(0, tilesShown);
    } catch (error) {
      if (!(error instanceof SkySenseError) || isLabelFault(error)) throw error;
      failures.push({ id, reason: error.what });
    }
    onProgress?.({ phase: "evaluate", done: i + 1, total: samples.length, unit: "images" });
  }
  if (images.length === 0) throw noneJudged(failures);
  return { images, worst, failures };
}

async function readItem(
  { config }: MapSession,
  { id, source, labelMap }: TrainingSample,
  signal: AbortSignal | undefined,
): Promise<{ image: ImageStack; truth: LabelMap }> {
  const { place, labels } = await readLabelled(source, labelMap!, { signal });
  const image = place[config.sensor];
  if (image !== undefined) return { image, truth: labels };
  throw new SkySenseError({
    code: "BAD_SAMPLE",
    what: `the image is not of the sensor ${config.sensor}`,
    where: id,
    remedy: "Say what it is by --sensor.",
  });
}

function tilesOf(
  id: string,
  { image, truth, said }: { image: ImageStack; truth: LabelMap; said: ClassMap },
): WorstTile[] {
  const tiles: WorstTile[] = [];
  for (const { from: top, to: bottom } of partsOf({ from: 0, to: truth.height }, tileSide)) {
    for (const { from: left, to: right } of partsOf({ from: 0, to: truth.width }, tileSide)) {
      const [width, height] = [right - left, bottom - top];
      const window: Window = [left, top, width, height];
      const [wanted, found] = [cut(truth.data, truth.width, window), cut(said.labels, truth.width, window)];
      let [wrong, labelled] = [0, 0];
      for (const [p, label] of wanted.entries()) {
        if (label === ignoredLabel) continue;
        labelled++;
        if (found[p] !== label) wrong++;
      }
      // What is hardly labelled shows nothing.
      if (labelled < (width * height) / 4) continue;
      tiles.push({ id, window, wrong: wrong / labelled, image: partOf(image, window), truth: wanted, said: found });
    }
  }
  return tiles;
}

function cut(map: Uint8Array, width: number, [left, top, wide, tall]: Window): Uint8Array {
  const out = new Uint8Array(wide * tall);
  for (let row = 0; row < tall; row++) {
    const from = (top + row) * width + left;
    out.set(map.subarray(from, from + wide), row * wide);
  }
  return out;
}
