import { join } from "node:path";
import { type Command, Option } from "commander";
import { itemsToJudge } from "../evaluate/divide-items.ts";
import { formatCount } from "../report/format.ts";
import { openChangeDetector, readChangeDetector } from "../tasks/change/change-session.node.ts";
import { dividePairs, sampleOf } from "../tasks/change/data/change-set.ts";
import { openChangeSet } from "../tasks/change/data/open-change-set.node.ts";
import { defaults, sentinelDefaults } from "../tasks/change/finetune.node.ts";
import { changeHeads } from "../tasks/change/head.ts";
import { type PredictResult, predictChange } from "../tasks/change/predict.node.ts";
import { trainAndJudge } from "../tasks/change/train-and-judge.node.ts";
import { type ChangeSummary, writeChangeReport } from "../tasks/change/write-report.node.ts";
import { judgeMapper } from "../tasks/maps/judge.node.ts";
import { commandLine } from "./command-line.ts";
import { addJudgeOptions, addPolygonOptions, addWindowOptions } from "./judge-options.ts";
import { deviceOption, ratio } from "./options.ts";
import {
  hectaresText,
  percent,
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

/** `finetune`, `evaluate` and `predict change`. */
export function addChange(program: Command): void {
  addFinetune(groupOf(program, "finetune", "train a model for a task"));
  addEvaluate(groupOf(program, "evaluate", "judge a trained model on held-out data"));
  addPredict(groupOf(program, "predict", "use a trained model"));
}

function addDataOptions(command: Command): Command {
  return command
    .requiredOption(
      "--data <dir>",
      "a folder with index.json, with folders A, B and label (LEVIR-CD), or with the cities of OSCD",
    )
    .option("--subset <name>", "which one, where an index holds several sets")
    .option("--val-share <share>", "share of the pairs to judge; default: the set's own splits", ratio);
}

function addFinetune(group: Command): void {
  const described = addDataOptions(
    group
      .command("change")
      .summary("find what changed between two images")
      .description(
        "Train a detector of change on pairs of images with masks and judge it on the held-out part. An interrupted run " +
          "goes on when the same command is run again.",
      ),
  );
  const sentinel = (value: string | number) => `; of Sentinel images ${value}`;
  const command = addTuningOptions(described, defaults, { samples: "pairs", lrNote: "; officially 6e-5" })
    .addOption(
      new Option("--head <head>", `how dates are compared, default tokens${sentinel(sentinelDefaults.head)}`).choices(
        changeHeads,
      ),
    )
    .option("--steps <n>", "updates of the whole run", whole, defaults.steps)
    .option("--size <pixels>", `side of the crops, default ${defaults.size}${sentinel(sentinelDefaults.size)}`, whole)
    .option("--no-rotations", "do not turn crops by quarters")
    .option("--channels <n>", "width of the head", whole, defaults.channels)
    .option("--seed <n>", "for weights, split, order and augmentation", number, defaults.seed);
  addSceneOptions(command).action(async (options, self: Command) => {
    const { result, first } = await withProcesses(self, async (shared) =>
      trainAndJudge({
        ...options,
        ...shared,
        set: await openChangeSet(options.data, options),
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
    group
      .command("change")
      .summary("score maps of change")
      .description("Judge a change detector on pairs with masks."),
  );
  addWindowOptions(addJudgeOptions(command, { task: "change", items: "pairs" }));
  onOneProcess(addSceneOptions(command)).action(async (options, self: Command) => {
    const { split, valShare, seed, window, overlap, out } = options;
    const set = await openChangeSet(options.data, options);
    const items = itemsToJudge(set, { part: split, valShare, seed, divide: dividePairs });
    const progress = progressLine();
    const { signal } = self.optsWithGlobals() as { signal: AbortSignal };
    const detector = readChangeDetector(options.model);
    const session = openChangeDetector(detector, { device: options.device });
    try {
      const began = performance.now();
      const scene = sceneOptions(options);
      const { onProgress } = progress;
      const samples = items.map((item) => sampleOf(item, { set, scene }));
      const judgement = await judgeMapper(session, samples, { window, overlap, signal, onProgress });
      progress.end();
      const summary = await writeChangeReport(judgement, {
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
      detector.weights.close();
    }
  });
}

function printScores(summary: ChangeSummary, files: readonly string[]): void {
  const { f1, intervals, precision, recall, iou, kappa, pairs } = summary;
  console.log(
    `${scored("F1 of change", f1, intervals.f1)}, precision ${percent(precision)}, recall ${percent(recall)}, ` +
      `IoU ${percent(iou)}, kappa ${percent(kappa)}, ${formatCount(pairs, "pair")}`,
  );
  printFiles(files);
}

function addPredict(group: Command): void {
  const command = group
    .command("change")
    .summary("map what changed between two images of any size")
    .description(
      "Compare two images of one place: change.tif with colours and a QGIS style, probability.tif, polygons, hectares, a " +
        "report. Both are put on the grid of the first, or of the finer one. An interrupted run goes on when the same " +
        "command is run again.",
    )
    .requiredOption("--before <files...>", "the earlier image: one file, or one for each band")
    .requiredOption("--after <files...>", "the later image")
    .requiredOption("--model <safetensors>", "what `skysense finetune change` wrote")
    .requiredOption("--out <dir>", "folder for the outputs");
  addWindowOptions(addPolygonOptions(command, { minPixels: 9 })).addOption(deviceOption("cpu"));
  addSceneOptions(command).action(async (options, self: Command) => {
    const { before, after, model, out, polygons, minPixels, window, overlap, device } = options;
    const choices = { before, after, model, out, polygons, minPixels, window, overlap, device };
    await withProcesses(self, async (shared) => {
      const result = await predictChange({ ...shared, ...choices, scene: sceneOptions(options) });
      if (result !== undefined) printMap(result);
    });
  });
}

function printMap({ files, changed, polygons, seconds, ...beginning }: PredictResult): void {
  printBeginning(beginning);
  console.log(`changed: ${percent(changed.share)}${hectaresText(changed.hectares)}, ${polygons} polygons`);
  printFiles(Object.values(files));
  printSeconds(seconds);
}
