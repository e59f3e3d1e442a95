import { join } from "node:path";
import type { Command } from "commander";
import { itemsToJudge } from "../evaluate/divide-items.ts";
import { formatCount } from "../report/format.ts";
import { type BoxSet, divideBoxes } from "../tasks/detection/data/box-set.ts";
import { openBoxSet } from "../tasks/detection/data/open-box-set.node.ts";
import { openDetector, readDetector } from "../tasks/detection/detector-session.node.ts";
import { type Judgement, judgeDetector } from "../tasks/detection/evaluate.node.ts";
import { defaults } from "../tasks/detection/finetune.node.ts";
import { predictDetection } from "../tasks/detection/predict.node.ts";
import { trainAndJudge } from "../tasks/detection/train-and-judge.node.ts";
import { writeDetectionReport } from "../tasks/detection/write-report.node.ts";
import { commandLine } from "./command-line.ts";
import { addJudgeOptions, addWindowOptions } from "./judge-options.ts";
import { deviceOption, list, ratio } from "./options.ts";
import { percent, printFailures, printFiles, scored } from "./printing.node.ts";
import { onOneProcess, withProcesses } from "./processes.node.ts";
import { progressLine } from "./progress.node.ts";
import { addSceneOptions, number, sceneOptions, whole } from "./scene-options.ts";
import { groupOf } from "./task-group.ts";
import { addTuningOptions } from "./tuning-options.ts";
import { addVectorOptions, printNotes, type VectorFlags, vectorOptions } from "./vector-options.ts";

const layouts = "COCO .json, VOC, DIOR and FAIR1M .xml, DOTA labelTxt/*.txt, or an index.json";

/** What objects are described by; `data check` has it too. */
export function addBoxOptions(command: Command): Command {
  return addVectorOptions(command, { tile: 1024 })
    .option("--classes <names>", "classes in this order, with commas; default: those that occur", list)
    .option("--oriented", "boxes with an angle: Oriented R-CNN")
    .option("--skip-bad-boxes", "leave out boxes that lie outside of their image or have no extent");
}

function addSetOptions(command: Command): Command {
  return addBoxOptions(
    command.requiredOption(
      "--data <dir>",
      `images with boxes: ${layouts}; with --labels, an image or a folder of images`,
    ),
  ).option(
    "--val-share <share>",
    "share of the images to judge; default: the set's own splits, or with --labels 0.2",
    ratio,
  );
}

interface BoxOptions extends VectorFlags {
  classes?: string[];
  skipBadBoxes?: boolean;
  oriented?: boolean;
}

/** The options of {@link addBoxOptions} for `openBoxSet`. */
export function boxOptions({ classes, skipBadBoxes, oriented = false, ...rest }: BoxOptions) {
  return {
    oriented,
    classes,
    badBoxes: skipBadBoxes === true ? "leave out" : "refuse",
    vectors: vectorOptions(rest),
  } as const;
}

async function openSet({ data, ...options }: BoxOptions & { data: string }): Promise<BoxSet> {
  const set = await openBoxSet(data, boxOptions(options));
  const { length } = set.leftOut;
  if (length > 0)
    console.error(`note: ${length} ${length === 1 ? "object was" : "objects were"} left out, ${set.leftOut[0]}`);
  printNotes(set);
  return set;
}

/** `finetune`, `evaluate` and `predict detection`. */
export function addDetection(program: Command): void {
  addFinetune(groupOf(program, "finetune", "train a model for a task"));
  addEvaluate(groupOf(program, "evaluate", "judge a trained model on held-out data"));
  addPredict(groupOf(program, "predict", "use a trained model"));
}

function addFinetune(group: Command): void {
  const command = group
    .command("detection")
    .summary("find objects: horizontal or oriented boxes")
    .description(
      "Train a Faster R-CNN, or with --oriented an Oriented R-CNN, on images with boxes and judge it on the held-out " +
        "images. An interrupted run goes on when " +
        "the same command is run again.",
    );
  addTuningOptions(addSetOptions(command), defaults, { samples: "crops" })
    .option("--steps <n>", "updates of the run", whole, defaults.steps)
    .option("--size <pixels>", "side of the crops", whole, defaults.size)
    .option("--anchor-scale <cells>", "side of the smallest anchors in patches of 4 pixels; officially 8", number, 8)
    .option("--regions <n>", "regions of an image that the head learns from", whole, defaults.regions)
    .option("--seed <n>", "for weights, split, order, augmentation and sampling", number, defaults.seed);
  addWindowOptions(addSceneOptions(command)).action(async (options, self: Command) => {
    const { result, first } = await withProcesses(self, async (shared) =>
      trainAndJudge({ ...options, ...shared, set: await openSet(options), scene: sceneOptions(options) }),
    );
    if (!first) return;
    printFailures(result.result.failures);
    printScores(result.judgement!, [result.model, join(options.out, "report.html")]);
  });
}

function addEvaluate(group: Command): void {
  const command = group
    .command("detection")
    .summary("judge a detector on images with boxes")
    .description(
      "Find objects on held-out images, compare them with their boxes, and write report.html and results.json.",
    );
  addWindowOptions(addJudgeOptions(addSetOptions(command), { task: "detection", items: "images" }));
  onOneProcess(addSceneOptions(command)).action(async (options, self: Command) => {
    const { signal } = self.optsWithGlobals();
    const { window, overlap, split, seed, model, out, valShare, device } = options;
    const [progress, scene, detector] = [progressLine(), sceneOptions(options), readDetector(model)];
    const { classes, oriented } = detector.config;
    const set = await openSet({ ...options, classes: options.classes ?? classes, oriented });
    const items = itemsToJudge(set, { part: split, valShare, seed, divide: divideBoxes });
    const session = openDetector(detector, { device });
    const began = performance.now();
    try {
      const judgement = await judgeDetector(session, items, {
        ...{ scene, window, overlap, seed, signal, onProgress: progress.onProgress },
      });
      progress.end();
      const seconds = (performance.now() - began) / 1000;
      const command = commandLine(process.argv.slice(2));
      const title = `${set.name}: ${split}`;
      await writeDetectionReport(judgement, { out, title, command, config: detector.config, scene, seconds });
      printFailures(judgement.failures);
      printScores(judgement, [join(out, "report.html"), join(out, "results.json")]);
    } finally {
      progress.end();
      await session.release();
      detector.weights.close();
    }
  });
}

function printScores({ scores, images }: Judgement, files: readonly string[]): void {
  const { map50, map, interval } = scores;
  console.log(
    `${scored("mAP at 0.5", map50, interval.map50)}, 0.5 to 0.95 ${percent(map)}, ${formatCount(images.length, "image")}`,
  );
  printFiles(files);
}

function addPredict(group: Command): void {
  const command = group
    .command("detection")
    .summary("find objects on images of any size")
    .argument("<images...>", "images, each a scene of its own")
    .requiredOption("--model <safetensors>", "what `skysense finetune detection` wrote")
    .requiredOption("--out <dir>", "folder for NAME.geojson and NAME.parquet")
    .option("--min-score <share>", "leave out what is less certain", ratio, 0.3)
    .addOption(deviceOption("cpu"));
  onOneProcess(addWindowOptions(addSceneOptions(command))).action(
    async (images: string[], options, self: Command) => {
      const { signal } = self.optsWithGlobals();
      const { model, out, minScore, window, overlap, device } = options;
      const progress = progressLine();
      const results = await predictDetection({
        ...{ model, images, out, minScore, window, overlap, device, signal, onProgress: progress.onProgress },
        scene: sceneOptions(options),
      }).finally(() => progress.end());
      for (const { image, counts, files } of results) {
        const found = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
        console.log(`${image}: ${found.join(", ") || "nothing"}\n  ${files.join("\n  ")}`);
      }
    },
  );
}
