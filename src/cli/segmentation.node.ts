import { basename, extname, join } from "node:path";
import { type Command, Option } from "commander";
import { SkySenseError } from "../core/error.ts";
import type { MapClass } from "../tasks/maps/classes.ts";
import { divideMasks } from "../tasks/segmentation/data/mask-set.ts";
import { type OpenMaskSetOptions, openMaskSet } from "../tasks/segmentation/data/open-mask-set.node.ts";
import { judgeSegmenter } from "../tasks/segmentation/evaluate.node.ts";
import { defaults } from "../tasks/segmentation/finetune.node.ts";
import { type PredictResult, predictSegmentation } from "../tasks/segmentation/predict.node.ts";
import { openSegmenter, readSegmenter } from "../tasks/segmentation/segmenter-session.node.ts";
import { trainAndJudge } from "../tasks/segmentation/train-and-judge.node.ts";
import { type SegmentationSummary, writeSegmentationReport } from "../tasks/segmentation/write-report.node.ts";
import { commandLine } from "./command-line.ts";
import { deviceOption, ratio } from "./options.ts";
import { onOneProcess, withProcesses } from "./processes.node.ts";
import { duration, progressLine } from "./progress.node.ts";
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
    "a folder with index.json, or with folders images and masks; with --labels, an image or a folder of images",
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
    if (first) printScores(result.summary!, [result.model, join(options.out, "report.html")]);
  });
}

function addEvaluate(group: Command): void {
  const command = addDataOptions(
    group.command("segmentation").summary("score class maps").description("Judge a segmenter on images with masks."),
  )
    .requiredOption("--model <safetensors>", "what `skysense finetune segmentation` wrote")
    .requiredOption("--out <dir>", "folder for results.json and report.html")
    .addOption(new Option("--split <split>", "which images").choices(["train", "val", "test", "all"]).default("val"))
    .option("--window <pixels>", "side of what the model sees at once", whole)
    .option("--overlap <pixels>", "that neighbouring windows share", number)
    .option("--seed <n>", "of --val-share and the bootstrap", number, defaults.seed)
    .addOption(deviceOption("cpu"));
  onOneProcess(addSceneOptions(command)).action(async (options, self: Command) => {
    const { split, valShare, seed, window, overlap, out } = options;
    const segmenter = readSegmenter(options.model);
    const set = await openData(options, segmenter.config.classes);
    const items =
      split === "val" || valShare !== undefined
        ? divideMasks(set, { valShare, seed })[split === "train" ? "train" : "val"]
        : set.items.filter((item) => split === "all" || item.split === split);
    const progress = progressLine();
    const { signal } = self.optsWithGlobals() as { signal: AbortSignal };
    const session = openSegmenter(segmenter, { device: options.device });
    try {
      requireClasses(set, session.config, options.model);
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
      printScores(summary, [join(out, "report.html"), join(out, "results.json")]);
    } finally {
      progress.end();
      await session.release();
    }
  });
}

function requireClasses(
  set: { classes: readonly { name: string }[]; path: string },
  config: { classes: readonly { name: string }[] },
  model: string,
): void {
  const names = (classes: readonly { name: string }[]) => classes.map(({ name }) => name).join(", ");
  if (names(set.classes) === names(config.classes)) return;
  throw new SkySenseError({
    code: "OTHER_CLASSES",
    what: `the masks have the classes ${names(set.classes)}, but ${model} knows ${names(config.classes)}`,
    where: set.path,
    remedy: "Give a set with these classes in this order, or name them so by --classes.",
  });
}

function printScores(
  { meanIou, macroF1, overallAccuracy, intervals, images }: SegmentationSummary,
  files: readonly string[],
): void {
  const percent = (share: number) => (100 * share).toFixed(1);
  const line = (name: string, value: number, { low, high }: { low: number; high: number }) =>
    `${name} ${percent(value)} % (95 %: ${percent(low)} to ${percent(high)})`;
  console.log(
    `${line("mIoU", meanIou, intervals.meanIou)}, ${line("mF1", macroF1, intervals.macroF1)}, ` +
      `${line("pixel accuracy", overallAccuracy, intervals.overallAccuracy)}, ${images} images`,
  );
  for (const file of files) console.log(`  ${file}`);
}

function addPredict(group: Command): void {
  const command = group
    .command("segmentation")
    .summary("map the classes of images of any size")
    .description(
      "Segment images: classes.tif with colours and a QGIS style, confidence.tif, polygons, hectares a class, a report. " +
        "Each image is a scene of its own. An interrupted run goes on when the same command is run again.",
    )
    .argument("<images...>", "images; several get a folder each")
    .requiredOption("--model <safetensors>", "what `skysense finetune segmentation` wrote")
    .requiredOption("--out <dir>", "folder for the outputs")
    .addOption(
      new Option("--polygons <format>", "how regions are written")
        .choices(["geojson", "parquet", "none"])
        .default("geojson"),
    )
    .option("--min-pixels <n>", "smaller regions get no polygon", whole, 9)
    .option("--window <pixels>", "side of what the model sees at once", whole)
    .option("--overlap <pixels>", "that neighbouring windows share", number)
    .addOption(deviceOption("cpu"));
  addSceneOptions(command).action(async (images: string[], options, self: Command) => {
    const { model, out, polygons, minPixels, window, overlap, device } = options;
    const outs = images.map((image) => (images.length === 1 ? out : join(out, basename(image, extname(image)))));
    requireDifferent(outs);
    await withProcesses(self, async (shared) => {
      for (const [i, image] of images.entries()) {
        const scene = sceneOptions(options);
        const choices = { polygons, minPixels, window, overlap, device };
        const result = await predictSegmentation({ ...shared, ...choices, model, image, out: outs[i]!, scene });
        if (result !== undefined) printMap(image, result);
      }
    });
  });
}

function requireDifferent(outs: readonly string[]): void {
  const twice = outs.find((out, i) => outs.indexOf(out) < i);
  if (twice === undefined) return;
  throw new SkySenseError({
    code: "SAME_NAME",
    what: "two images of one name would be written to one folder",
    where: twice,
    remedy: "Run them one by one, each with its own --out.",
  });
}

function printMap(image: string, { files, areas, polygons, resumedRows, seconds, warnings }: PredictResult): void {
  for (const warning of warnings) console.error(`warning: ${warning}`);
  if (resumedRows > 0) console.log(`went on from row ${resumedRows} of an interrupted run`);
  console.log(`${image}: ${polygons} polygons`);
  for (const { name, share, hectares } of areas) {
    const area = hectares === undefined ? "" : `, ${Number(hectares.toPrecision(4))} ha`;
    if (share > 0) console.log(`  ${name} ${(100 * share).toFixed(1)} %${area}`);
  }
  for (const path of Object.values(files)) console.log(`  ${path}`);
  const { reading, computing, writing } = seconds;
  console.log(`reading ${duration(reading)}, computing ${duration(computing)}, writing ${duration(writing)}`);
}
