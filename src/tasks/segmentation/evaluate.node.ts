import type { LongCall } from "../../core/progress.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { type Judgement, judgeMapper } from "../maps/judge.node.ts";
import type { WindowOptions } from "../maps/tiling.ts";
import type { MaskItem, MaskSet } from "./data/mask-set.ts";
import { sampleOf } from "./finetune.node.ts";
import type { SegmenterSession } from "./segmenter-session.node.ts";

/**
 * Segment images and compare them with their masks.
 * @throws SkySenseError those of `judgeMapper`
 */
export function judgeSegmenter(
  session: SegmenterSession,
  items: readonly MaskItem[],
  options: { set: MaskSet; scene?: OpenSceneOptions | undefined } & WindowOptions & LongCall,
): Promise<Judgement> {
  return judgeMapper(
    session,
    items.map((item) => sampleOf(item, options)),
    options,
  );
}
