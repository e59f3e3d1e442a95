import { SkySenseError } from "../../core/error.ts";
import type { Window } from "../../core/grid.ts";
import type { ImageStack } from "../../core/place.ts";
import type { LongCall } from "../../core/progress.ts";
import { type Confusion, confusionMatrix } from "../../evaluate/confusion.ts";
import { noneJudged } from "../../evaluate/none-judged.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { readPlaceSource } from "../../imagery/scene/place-source.node.ts";
import { checkMaskSize, ignoredLabel, isLabelFault, type LabelMap } from "../../train/data/label-map.ts";
import { readLabelMap } from "../../train/data/read-sample.node.ts";
import { type ClassMap, mapImage, partOf } from "../maps/map-image.node.ts";
import type { WindowOptions } from "../maps/tiling.ts";
import type { MaskItem, MaskSet } from "./data/mask-set.ts";
import { sampleOf } from "./finetune.node.ts";
import type { SegmenterSession } from "./segmenter-session.node.ts";

/** What an image's class map is worth. */
export interface JudgedImage {
  id: string;
  /** Of its labelled pixels. */
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

/** Side of the tiles that are shown, and how many. */
const tileSide = 256;
const tilesShown = 8;

/**
 * Segment images and compare them with their masks.
 * @throws SkySenseError `BAD_LABEL` | `MASK_SIZE` | `TOO_MANY_UNREADABLE`: no image could be read
 */
export async function judgeSegmenter(
  session: SegmenterSession,
  items: readonly MaskItem[],
  options: { set: MaskSet; scene?: OpenSceneOptions | undefined } & WindowOptions & LongCall,
): Promise<Judgement> {
  const { signal, onProgress, window, overlap } = options;
  const images: JudgedImage[] = [];
  const failures: { id: string; reason: string }[] = [];
  let worst: WorstTile[] = [];
  for (const [i, item] of items.entries()) {
    signal?.throwIfAborted();
    try {
      const { image, truth } = await readItem(session, item, options);
      const said = await mapImage(session, { [session.config.sensor]: image }, { window, overlap, signal });
      const classes = session.config.classes.length;
      images.push({
        id: item.id,
        confusion: confusionMatrix(truth.data, said.labels, { classes, ignore: ignoredLabel }),
      });
      worst = [...worst, ...tilesOf(item.id, { image, truth, said })]
        .sort((a, b) => b.wrong - a.wrong)
        .slice(0, tilesShown);
    } catch (error) {
      if (!(error instanceof SkySenseError) || isLabelFault(error)) throw error;
      failures.push({ id: item.id, reason: error.what });
    }
    onProgress?.({ phase: "evaluate", done: i + 1, total: items.length, unit: "images" });
  }
  if (images.length === 0) throw noneJudged(failures);
  return { images, worst, failures };
}

async function readItem(
  { config }: SegmenterSession,
  item: MaskItem,
  { set, scene, signal }: { set: MaskSet; scene?: OpenSceneOptions | undefined } & LongCall,
): Promise<{ image: ImageStack; truth: LabelMap }> {
  const { source, labelMap } = sampleOf(item, { set, scene });
  const place = await readPlaceSource(source, signal === undefined ? {} : { signal });
  const image = place[config.sensor];
  if (image === undefined) {
    throw new SkySenseError({
      code: "BAD_SAMPLE",
      what: `the image is not of the sensor ${config.sensor}`,
      where: item.image,
      remedy: "Say what it is by --sensor.",
    });
  }
  const truth = await readLabelMap(labelMap!);
  checkMaskSize(truth, { height: image.shape[2], width: image.shape[3] }, { file: item.mask });
  return { image, truth };
}

function tilesOf(
  id: string,
  { image, truth, said }: { image: ImageStack; truth: LabelMap; said: ClassMap },
): WorstTile[] {
  const tiles: WorstTile[] = [];
  for (let top = 0; top < truth.height; top += tileSide) {
    for (let left = 0; left < truth.width; left += tileSide) {
      const [width, height] = [Math.min(tileSide, truth.width - left), Math.min(tileSide, truth.height - top)];
      const window: Window = [left, top, width, height];
      const [wanted, found] = [cut(truth.data, truth.width, window), cut(said.labels, truth.width, window)];
      let [wrong, labelled] = [0, 0];
      for (const [p, label] of wanted.entries()) {
        if (label === ignoredLabel) continue;
        labelled++;
        if (found[p] !== label) wrong++;
      }
      // Slivers at the edge of an image, and what is hardly labelled, show nothing.
      if (labelled < 0.1 * tileSide ** 2) continue;
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
