import { SkySenseError } from "../../core/error.ts";
import type { Window } from "../../core/grid.ts";
import type { LongCall } from "../../core/progress.ts";
import type { BoxImage } from "../../evaluate/box-matches.ts";
import { type BoxProtocol, type BoxScores, boxProtocols, scoreBoxes } from "../../evaluate/box-precision.ts";
import { noneJudged } from "../../evaluate/none-judged.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import type { BoxItem } from "./data/box-set.ts";
import { detectScene, type WindowOptions } from "./detect-scene.node.ts";
import type { DetectorSession } from "./detector-session.node.ts";

/** An image with its objects and what was found on it. */
export interface JudgedImage extends BoxImage {
  id: string;
  image: string;
  /** The part of the image that it is. Default: all of it. */
  window?: Window | undefined;
}

export interface Judgement {
  images: readonly JudgedImage[];
  /** As COCO counts: the best hundred of an image, 101 recalls. */
  scores: BoxScores;
  /** As VOC 2007 counts: for comparison with older papers, and what papers report of oriented boxes. */
  voc07: BoxScores;
  failures: readonly { id: string; reason: string }[];
}

/**
 * Find objects on images and compare them with what their annotations say. The image of a place is read as it is; an
 * object that is difficult counts neither way.
 *
 * @throws SkySenseError `TOO_MANY_UNREADABLE`: no image could be read
 */
export async function judgeDetector(
  session: DetectorSession,
  items: readonly BoxItem[],
  {
    scene,
    seed = 0,
    ...options
  }: { scene?: OpenSceneOptions | undefined; seed?: number } & WindowOptions & LongCall = {},
): Promise<Judgement> {
  const images: JudgedImage[] = [];
  const failures: { id: string; reason: string }[] = [];
  const { onProgress, ...windows } = options;
  for (const [i, { id, image, window, boxes, labels, difficult }] of items.entries()) {
    try {
      const { signal: _, ...said } = scene ?? {};
      const { objects } = await detectScene(
        session,
        { files: [image], options: said, ...(window && { window }) },
        windows,
      );
      images.push({ id, image, window, truth: { boxes, labels, ignored: difficult }, found: objects });
    } catch (error) {
      if (!(error instanceof SkySenseError)) throw error;
      failures.push({ id, reason: error.what });
    }
    onProgress?.({ phase: "evaluate", done: i + 1, total: items.length, unit: "images" });
  }
  if (images.length === 0) throw noneJudged(failures);
  const { classes, oriented } = session.config;
  const score = (protocol: BoxProtocol) =>
    scoreBoxes(images, { classes: classes.length, protocol: { ...protocol, oriented }, seed });
  return { images, scores: score(boxProtocols.coco), voc07: score(boxProtocols.voc07), failures };
}
