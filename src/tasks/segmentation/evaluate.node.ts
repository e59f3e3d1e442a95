import type { LongCall } from "../../core/progress.ts";
import { addConfusions } from "../../evaluate/segmentation-scores.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { type JudgedImage, type Judgement, judgeMapper } from "../maps/judge.node.ts";
import type { WindowOptions } from "../maps/tiling.ts";
import type { MaskItem, MaskSet } from "./data/mask-set.ts";
import { sampleOf } from "./finetune.node.ts";
import { followSeries, type JudgedSeries } from "./judge-series.node.ts";
import type { SegmenterSession } from "./segmenter-session.node.ts";

/** Where maps of a place follow each other, `images` are places with all their maps. */
export interface SegmenterJudgement extends Judgement {
  /** Empty where no map follows another of the same place. */
  series: readonly JudgedSeries[];
}

/**
 * Segment images and compare them with their masks; of places that are mapped again and again, the change between maps,
 * too.
 * @throws SkySenseError those of `judgeMapper`
 */
export async function judgeSegmenter(
  session: SegmenterSession,
  items: readonly MaskItem[],
  options: { set: MaskSet; scene?: OpenSceneOptions | undefined } & WindowOptions & LongCall,
): Promise<SegmenterJudgement> {
  const samples = items.map((item) => sampleOf(item, options));
  const { onMap, series } = followSeries(items, samples, { classes: session.config.classes.length });
  const judgement = await judgeMapper(session, samples, { ...options, onMap });
  const followed = series();
  return {
    ...judgement,
    images: followed.length === 0 ? judgement.images : togetherByPlace(judgement.images, items),
    series: followed,
  };
}

/** Maps of one place are no independent tests: they count as one. */
function togetherByPlace(images: readonly JudgedImage[], items: readonly MaskItem[]): JudgedImage[] {
  const placeOf = new Map(items.map(({ id, series }) => [id, series?.place ?? id]));
  const byPlace = new Map<string, JudgedImage>();
  for (const { id, confusion } of images) {
    const place = placeOf.get(id)!;
    const before = byPlace.get(place)?.confusion;
    byPlace.set(place, {
      id: place,
      confusion: before === undefined ? confusion : addConfusions([before, confusion], [0, 1]),
    });
  }
  return [...byPlace.values()];
}
