import { basename, join } from "node:path";
import type { Command } from "commander";
import { itemsToJudge } from "../evaluate/divide-items.ts";
import { formatCount } from "../report/format.ts";
import type { MapClass } from "../tasks/maps/classes.ts";
import { outOfEach } from "../tasks/out-of-each.node.ts";
import { divideMasks } from "../tasks/segmentation/data/mask-set.ts";
import { type OpenMaskSetOptions, openMaskSet } from "../tasks/segmentation/data/open-mask-set.node.ts";
import { judgeSegmenter } from "../tasks/segmentation/evaluate.node.ts";
import { defaults } from "../tasks/segmentation/finetune.node.ts";
import { mapTransitions, type Transitions } from "../tasks/segmentation/map-transitions.node.ts";
import { type PredictResult, predictSegmentation } from "../tasks/segmentation/predict.node.ts";
import { openSegmenter, readSegmenter } from "../tasks/segmentation/segmenter-session.node.ts";
import { trainAndJudge } from "../tasks/segmentation/train-and-judge.node.ts";
import { type SegmentationSummary, writeSegmentationReport } from "../tasks/segmentation/write-report.node.ts";
import { commandLine } from "./command-line.ts";
import { addJudgeOptions, addPolygonOptions, addWindowOptions, requireClasses } from "./judge-options.ts";
import { deviceOption, ratio } from "./options.ts";
import {
  hectaresText,
  percent,
  printAreas,
  printBeginning,
  printFailures,
  printFiles,
  printSeconds,
  scored,
} from "./printing.node.ts";
import { onOneProcess, withProcesses } from "./processes.node.ts";
import { progressLine } from "./progress.node.ts";
import { addSceneOptions, number, sceneOptions, whole } from "./scene-options.ts";
import { groupOf } from "./task-group.ts";
import { addTuningOptions } from "./tuning-options.ts";
import { addVectorOptions, printNotes, type VectorFlags, vectorOptions } from "./vector-options.ts";

/** `finetune`, `evaluate` and `predict segmentation`. */
export function addSegmentation(program: Command): void {
  addFinetune(groupOf(program, "finetune", "train a model for a task"));
  addEvaluate(groupOf(program, "evaluate", "judge a trained model on held-out data"));
  addPredict(groupOf(program, "predict", "use a trained model"));
}

/** What images are labelled by; `data check` has it too. */
export function addMaskOptions(command: Command): Command {
  return addVectorOptions(command, { tile: 512 })
    .option(
      "--background <class>",
      "the class of what lies in no polygon of --labels; default: it counts for nothing",
    )
    .option("--classes <table>", "what masks hold: a JSON file, or potsdam, loveda, isaid; default: the index")
    .option("--images <folder>", "folder of images below --data, where * stands for the same as in --masks")
    .option("--masks <folder>", "folder of their masks")
    .option("--subset <name>", "which one, where an index holds several sets");
}

function addDataOptions(command: Command): Command {
  const described = command.requiredOption(
    "--data <dir>",
    "a folder with index.json, with folders images and masks, or DynamicEarthNet; with --labels, an image or a folder of images",
  );
  return addMaskOptions(described).option(
    "--val-share <share>",
    "share of the images to judge; default: the set's own splits, or with --labels 0.2",
    ratio,
  );
}

/** The options of {@link addMaskOptions} for `openMaskSet`. */
export function maskOptions(
  { classes, images, masks, subset, sensor, background, ...rest }: MaskOptions,
  modelClasses?: readonly MapClass[],
): OpenMaskSetOptions {
  const labels = vectorOptions(rest);
  return { classes, images, masks, subset, sensor, vectors: labels && { ...labels, background, modelClasses } };
}

type MaskOptions = Omit<OpenMaskSetOptions, "vectors"> & VectorFlags & { background?: string };

/** The set that the options name. */
async function openData(options: MaskOptions & { data: string }, modelClasses?: readonly MapClass[]) {
  const set = await openMaskSet(options.data, maskOptions(options, modelClasses));
  printNotes(set);
  return set;
}

function addFinetune(group: Command): void {
  const command = addDataOptions(
    group
      .command("segmentation")
      .summary("give every pixel a class")
      .description(
        "Train a segmenter on images with masks and judge it on the held-out part. An interrupted run goes on when the " +
          "same command is run again.",
      ),
  )
    .option("--steps <n>", "updates of the whole run", whole, defaults.steps)
    .option("--size <pixels>", "side of the crops", whole, defaults.size)
    .option("--no-rotations", "do not turn crops by quarters")
    .option("--channels <n>", "width of the heads; officially 512", whole, defaults.channels)
    .option("--seed <n>", "for weights, split, order and augmentation", number, defaults.seed);
  addTuningOptions(command, defaults, { samples: "crops", lrNote: "; officially 6e-5" });
  addSceneOptions(command).action(async (options, self: Command) => {
    const { result, first } = await withProcesses(self, async (shared) =>
      trainAndJudge({
        ...options,
        ...shared,
        set: await openData(options),
        scene: sceneOptions(options),
      }),
    );
    if (!first) return;
    printFailures(result.result.failures);
    printScores(result.summary!, [result.model, join(options.out, "report.html")]);
  });
}

function addEvaluate(group: Command): void {
  const command = addDataOptions(
    group.command("segmentation").summary("score class maps").description("Judge a segmenter on images with masks."),
  );
  addWindowOptions(addJudgeOptions(command, { task: "segmentation", items: "images" }));
  onOneProcess(addSceneOptions(command)).action(async (options, self: Command) => {
    const { split, valShare, seed, window, overlap, out } = options;
    const segmenter = readSegmenter(options.model);
    const set = await openData(options, segmenter.config.classes);
    const items = itemsToJudge(set, { part: split, valShare, seed, divide: divideMasks });
    const has = ({ classes }: { classes: readonly MapClass[] }) => classes.map(({ name }) => name).join(", ");
    requireClasses({ path: set.path, has: has(set) }, { file: options.model, has: has(segmenter.config) });
    const progress = progressLine();
    const { signal } = self.optsWithGlobals() as { signal: AbortSignal };
    const session = openSegmenter(segmenter, { device: options.device });
    try {
      const began = performance.now();
      const scene = sceneOptions(options);
      const { onProgress } = progress;
      const judgement = await judgeSegmenter(session, items, { set, scene, window, overlap, signal, onProgress });
      progress.end();
      const summary = await writeSegmentationReport(judgement, {
        title: `${set.name}: ${split}`,
        command: commandLine(process.argv.slice(2)),
        config: session.config,
        seconds: (performance.now() - began) / 1000,
        ...{ out, seed },
      });
      printFailures(judgement.failures);
      printScores(summary, [join(out, "report.html"), join(out, "results.json")]);
    } finally {
      progress.end();
      await session.release();
      segmenter.weights.close();
    }
  });
}

function printScores(
  { meanIou, macroF1, overallAccuracy, intervals, images, change }: SegmentationSummary,
  files: readonly string[],
): void {
  console.log(
    `${scored("mIoU", meanIou, intervals.meanIou)}, ${scored("mF1", macroF1, intervals.macroF1)}, ` +
      `${scored("pixel accuracy", overallAccuracy, intervals.overallAccuracy)}, ${formatCount(images, change === undefined ? "image" : "place")}`,
  );
  if (change !== undefined) {
    const { scs, bc, sc, intervals: own, places } = change;
    const scores = [scored("SCS", scs, own.scs), scored("BC", bc, own.bc), scored("SC", sc, own.sc)];
    console.log(`change from map to map: ${scores.join(", ")}, of ${formatCount(places, "place")}`);
  }
  printFiles(files);
}

function addPredict(group: Command): void {
  const command = group
    .command("segmentation")
    .summary("map the classes of images of any size")
    .description(
      "Segment images: classes.tif with colours and a QGIS style, confidence.tif, polygons, hectares a class, a report. " +
        "Each image is a scene of its own; with --changes they are dates of one place, and what changes from each to the " +
        "next is mapped, too. An interrupted run goes on when the same command is run again.",
    )
    .argument("<images...>", "images; several get a folder each")
    .requiredOption("--model <safetensors>", "what `skysense finetune segmentation` wrote")
    .requiredOption("--out <dir>", "folder for the outputs")
    .option("--changes", "the images are of one place, by date: map what became what from each to the next");
  addWindowOptions(addPolygonOptions(command, { minPixels: 9 })).addOption(deviceOption("cpu"));
  addSceneOptions(command).action(async (images: string[], options, self: Command) => {
    const { model, out, polygons, minPixels, window, overlap, device } = options;
    if (options.changes && images.length < 2) self.error("error: --changes needs two images or more");
    const outs = images.length === 1 ? [out] : outOfEach(images, out);
    await withProcesses(self, async (shared) => {
      for (const [i, image] of images.entries()) {
        const scene = sceneOptions(options);
        const choices = { polygons, minPixels, window, overlap, device };
        const result = await predictSegmentation({ ...shared, ...choices, model, image, out: outs[i]!, scene });
        if (result !== undefined) printMap(image, result);
        if (result === undefined || !options.changes || i === 0) continue;
        const path = join(out, "changes", `${basename(outs[i - 1]!)}_${basename(outs[i]!)}.tif`);
        const maps = [join(outs[i - 1]!, "classes.tif"), join(outs[i]!, "classes.tif")] as const;
        printTransitions(await mapTransitions(maps, { path, classes: result.classes, signal: shared.signal }));
      }
    });
  });
}

function printTransitions({ transitions, changed, files }: Transitions): void {
  console.log(`changed since the image before: ${percent(changed)}`);
  for (const { from, to, pixels, hectares } of transitions.slice(0, 5)) {
    console.log(`  ${from} → ${to}: ${pixels} pixels${hectaresText(hectares)}`);
  }
  printFiles(Object.values(files));
}

function printMap(image: string, { files, areas, polygons, seconds, ...beginning }: PredictResult): void {
  printBeginning(beginning);
  console.log(`${image}: ${polygons} polygons`);
  printAreas(areas);
  printFiles(Object.values(files));
  printSeconds(seconds);
}
