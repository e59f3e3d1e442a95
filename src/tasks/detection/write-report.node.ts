import { join } from "node:path";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import { software } from "../../embed/software.ts";
import { matchClass } from "../../evaluate/box-matches.ts";
import { boxProtocols } from "../../evaluate/box-precision.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { readPlaceSource } from "../../imagery/scene/place-source.node.ts";
import { takeRows } from "../../model/detection/boxes.ts";
import { trueColour } from "../../report/picture.ts";
import { sideBySide } from "../../report/side-by-side.ts";
import { thumbnailPng } from "../../report/thumbnail.node.ts";
import { readMetrics } from "../../train/metrics-log.node.ts";
import { boxColours, drawOutlines, outlinesOf } from "./box-picture.ts";
import type { JudgedImage, Judgement } from "./evaluate.node.ts";
import type { FinetuneSettings } from "./finetune.node.ts";
import type { DetectorConfig } from "./head.ts";
import { detectionReport } from "./report.ts";

export interface WriteReportOptions {
  /** Gets `report.html` and `results.json`. */
  out: string;
  title: string;
  command: string;
  config: DetectorConfig;
  scene?: OpenSceneOptions | undefined;
  seconds: number;
  /** Where the model was trained in `out`. */
  training?: { images: number; settings: FinetuneSettings } | undefined;
}

/** Images that are shown, and from which score on detections are drawn. */
const shown = 6;
const drawnFrom = 0.3;

/** Turn what was judged into `report.html` and `results.json`. */
export async function writeDetectionReport(
  { images, scores, voc07, failures }: Judgement,
  { out, title, command, config, scene, seconds, training }: WriteReportOptions,
): Promise<void> {
  const { classes } = config;
  const match = { ...boxProtocols.coco, oriented: config.oriented, iou: 0.5 };
  const worst = images
    .map((image) => ({ image, ...faultsOf(image, config) }))
    .filter(({ missed, wrong }) => missed + wrong > 0)
    .sort((a, b) => b.missed + b.wrong - a.missed - a.wrong)
    .slice(0, shown);
  const report = detectionReport({
    ...{ title, command, software, classes, scores, voc07, drawnFrom, failures, seconds },
    created: new Date().toISOString(),
    outcomes: classes.map((_, label) => matchClass(images, label, match).outcomes),
    images: images.length,
    worst: await Promise.all(
      worst.map(async ({ image, missed, wrong }) => ({
        id: image.id,
        missed,
        wrong,
        png: await picture(image, config, scene),
      })),
    ),
    training: training && { ...training, settings: { ...training.settings }, steps: await readMetrics(out) },
  });
  const number = (value: number) => (Number.isNaN(value) ? null : value);
  const results = {
    map50: number(scores.map50),
    interval: scores.interval.map50,
    map: number(scores.map),
    voc07: number(voc07.map50),
    classes: classes.map((name, k) => {
      const { ap50, ap, recall, truths } = scores.classes[k]!;
      return { name, ap50: number(ap50), ap: number(ap), recall: number(recall), objects: truths };
    }),
    images: images.length,
    ...(training && { settings: training.settings, train: training.images }),
    ...{ seconds, command },
  };
  await writeAtomic(join(out, "report.html"), report);
  await writeAtomic(join(out, "results.json"), `${JSON.stringify(results, null, 2)}\n`);
}

/** Objects of an image that were not found, and what was found where there is none. */
function faultsOf(image: JudgedImage, { classes, oriented }: DetectorConfig): { missed: number; wrong: number } {
  const drawn = { ...image, found: confident(image, oriented) };
  let [missed, wrong] = [0, 0];
  for (const label of classes.keys()) {
    const { outcomes, truths } = matchClass([drawn], label, { ...boxProtocols.coco, oriented, iou: 0.5 });
    missed += truths[0]! - outcomes.filter((outcome) => outcome === 1).length;
    wrong += outcomes.filter((outcome) => outcome === 0).length;
  }
  return { missed, wrong };
}

function confident({ found }: JudgedImage, oriented: boolean): JudgedImage["found"] {
  const rows = [...found.scores.keys()].filter((i) => found.scores[i]! >= drawnFrom);
  return {
    boxes: takeRows(found.boxes, rows, oriented ? 5 : 4),
    scores: takeRows(found.scores, rows, 1),
    labels: rows.map((i) => found.labels[i]!),
  };
}

async function picture(
  image: JudgedImage,
  { oriented }: DetectorConfig,
  scene: OpenSceneOptions | undefined,
): Promise<Uint8Array> {
  const { signal: _, ...options } = scene ?? {};
  const { window } = image;
  const place = await readPlaceSource({ files: [image.image], options, ...(window && { window }) });
  const plain = trueColour(place.hr!, { sensor: "hr" });
  const outlines = (boxes: Float32Array<ArrayBuffer>) => outlinesOf(boxes, oriented);
  const both = [
    drawOutlines(plain, outlines(image.truth.boxes), boxColours.truth),
    drawOutlines(plain, outlines(confident(image, oriented).boxes), boxColours.found),
  ];
  return thumbnailPng(sideBySide(both, { gap: 8 }), { side: 1000 });
}
