import { join } from "node:path";
import type { Command } from "commander";
import { itemsToJudge } from "../evaluate/divide-items.ts";
import { formatCount } from "../report/format.ts";
import { type DatedSet, divideDated } from "../tasks/timeseries/data/dated-set.ts";
import { type OpenDatedSetOptions, openDatedSet } from "../tasks/timeseries/data/open-dated-set.node.ts";
import { defaults } from "../tasks/timeseries/finetune.node.ts";
import { judgeSeries } from "../tasks/timeseries/judge.node.ts";
import { type PredictResult, predictSeries } from "../tasks/timeseries/predict.node.ts";
import { openSeriesModel, readSeriesModel } from "../tasks/timeseries/series-session.node.ts";
import { trainAndJudge } from "../tasks/timeseries/train-and-judge.node.ts";
import { type SeriesSummary, writeSeriesReport } from "../tasks/timeseries/write-report.node.ts";
import { commandLine } from "./command-line.ts";
import { addJudgeOptions, addPolygonOptions, addWindowOptions, requireClasses } from "./judge-options.ts";
import { deviceOption, ratio, sensorsOption } from "./options.ts";
import { percent, printAreas, printBeginning, printFailures, printFiles, scored } from "./printing.node.ts";
import { onOneProcess, withProcesses } from "./processes.node.ts";
import { progressLine } from "./progress.node.ts";
import { addSceneOptions, number, sceneOptions, whole } from "./scene-options.ts";
import { groupOf } from "./task-group.ts";
import { addTuningOptions } from "./tuning-options.ts";

/** `finetune`, `evaluate` and `predict timeseries`. */
export function addTimeseries(program: Command): void {
  addFinetune(groupOf(program, "finetune", "train a model for a task"));
  addEvaluate(groupOf(program, "evaluate", "judge a trained model on held-out data"));
  addPredict(groupOf(program, "predict", "use a trained model"));
}

function addDataOptions(command: Command): Command {
  return command
    .requiredOption(
      "--data <dir>",
      "folder of PASTIS or PASTIS-R, BigEarthNet 1 or 2, fMoW-Sentinel, or one with an index.json",
    )
    .option(
      "--subset <name>",
      "which one, where a set holds several: classes of BigEarthNet (19, 43), labels, series",
    )
    .option("--fold <n>", "of PASTIS: which rotation of its five folds", whole)
    .option("--val-share <share>", "share of the places to judge; default: the set's own splits", ratio);
}

function addChoiceOptions(command: Command, { sensors, dates }: { sensors: string; dates: string }): Command {
  return command.addOption(sensorsOption(sensors)).option("--dates <n>", dates, whole);
}

const openData = ({ data, subset, fold }: OpenDatedSetOptions & { data: string }) =>
  openDatedSet(data, { subset, fold });

function addFinetune(group: Command): void {
  const command = addDataOptions(
    group
      .command("timeseries")
      .summary("tell places by all their sensors and dates")
      .description(
        "Train a model of places with images of any sensors and dates, fused at every cell, which gives each cell a class " +
          "or the place one or several, as the set's labels are; and judge it on the held-out part. An interrupted run " +
          "goes on when the same command is run again.",
      ),
  )
    .option("--steps <n>", "updates of the whole run", whole, defaults.steps)
    .option("--size <cells>", "side of crops for maps; else of places; default 16 for maps, at most 32 else", whole)
    .option("--channels <n>", "width of the head that draws maps", whole, defaults.channels)
    .option("--seed <n>", "for weights, split, order and augmentation", number, defaults.seed);
  addChoiceOptions(command, {
    sensors: "whose images are looked at, as in s2,s1; default: all that there are",
    dates: `images of a sensor that are looked at together, at most; default ${defaults.dates}`,
  });
  addTuningOptions(command, defaults, { samples: "places" });
  command.action(async (options, self: Command) => {
    const { result, first } = await withProcesses(self, async (shared) =>
      trainAndJudge({ ...options, ...shared, set: await openData(options) }),
    );
    if (!first) return;
    printFailures(result.result.failures);
    const { sensors, dates } = result.result.config;
    console.log(`${sensors.join(", ")}; at most ${dates} ${dates === 1 ? "date" : "dates"} of a sensor`);
    printScores(result.summary!, [result.model, join(options.out, "report.html"), join(options.out, "results.json")]);
  });
}

function addEvaluate(group: Command): void {
  const command = addDataOptions(
    group
      .command("timeseries")
      .summary("score maps and classes of dated places")
      .description("Judge a model of dated places, also with fewer sensors or dates than it learnt from."),
  );
  addWindowOptions(addJudgeOptions(command, { task: "timeseries", items: "places" }), { unit: "cells" });
  addChoiceOptions(command, {
    sensors: "whose images are looked at; default: those that it learnt from",
    dates: "images of a sensor, at most, evenly chosen; default: as it learnt",
  });
  onOneProcess(command).action(async (options, self: Command) => {
    const { split, valShare, seed, window, overlap, out, device } = options;
    const set = await openData(options);
    const items = itemsToJudge(set, { part: split, valShare, seed, divide: divideDated });
    const model = readSeriesModel(options.model);
    const { config } = model;
    requireClasses({ path: set.path, has: labelsOf(set) }, { file: options.model, has: labelsOf(config) });
    const progress = progressLine();
    const { signal } = self.optsWithGlobals() as { signal: AbortSignal };
    const { onProgress } = progress;
    const session = openSeriesModel(model, { device });
    try {
      const { sensors = config.sensors, dates = config.dates } = options;
      const began = performance.now();
      const judgement = await judgeSeries(session, items, { sensors, dates, window, overlap, signal, onProgress });
      progress.end();
      const summary = await writeSeriesReport(judgement, {
        title: `${set.name}: ${split}`,
        command: commandLine(process.argv.slice(2)),
        seconds: (performance.now() - began) / 1000,
        ...{ config, sensors, dates, items, out, seed },
      });
      printFailures(judgement.failures);
      printScores(summary, [join(out, "report.html"), join(out, "results.json")]);
    } finally {
      progress.end();
      await session.release();
      model.weights.close();
    }
  });
}

function labelsOf({ answer, classes }: Pick<DatedSet, "classes" | "answer">): string {
  const kinds = { map: "maps of", class: "one of", classes: "any of" };
  return `${kinds[answer]} ${classes.map(({ name }) => name).join(", ")}`;
}

function printScores(summary: SeriesSummary, files: readonly string[]): void {
  if ("measures" in summary) {
    const scores = summary.measures.map((measure) => scored(measure.metric, measure.value, measure));
    console.log(`${scores.join(", ")}, ${formatCount(summary.places, "place")}`);
  } else {
    const { meanIou, macroF1, overallAccuracy, intervals, images } = summary;
    console.log(
      `${scored("mIoU", meanIou, intervals.meanIou)}, ${scored("mF1", macroF1, intervals.macroF1)}, ` +
        `${scored("OA", overallAccuracy, intervals.overallAccuracy)}, ${formatCount(images, "place")}`,
    );
  }
  printFiles(files);
}

function addPredict(group: Command): void {
  const command = group
    .command("timeseries")
    .summary("map or name a place by all its sensors and dates")
    .description(
      "Say what a place is, given the files of all its sensors and dates as for `skysense embed`: classes.tif with colours " +
        "and a QGIS style, confidence.tif, polygons, hectares a class and a report; or the classes of the place as a whole. " +
        "An interrupted run goes on when the same command is run again.",
    )
    .argument("<files...>", "images of one place: any sensors, any dates")
    .requiredOption("--model <safetensors>", "what `skysense finetune timeseries` wrote")
    .requiredOption("--out <dir>", "folder for the outputs")
    .addOption(sensorsOption("whose images are looked at; default: those that it learnt from"))
    .option("--top <n>", "how many classes of a place are shown", whole, 3)
    .addOption(deviceOption("cpu"));
  addWindowOptions(addPolygonOptions(command, { minPixels: 4 }), { unit: "cells" });
  addSceneOptions(command).action(async (files: string[], options, self: Command) => {
    const { model, out, sensors, polygons, minPixels, window, overlap, device, top } = options;
    const scene = sceneOptions(options);
    const choices = { sensors, polygons, minPixels, window, overlap, device };
    const { result } = await withProcesses(self, (shared) =>
      predictSeries({ ...shared, ...choices, model, files, out, scene }),
    );
    if (result !== undefined) printPrediction(result, { top });
  });
}

function printPrediction(result: PredictResult, { top }: { top: number }): void {
  printBeginning({ resumedRows: 0, ...result });
  const looked = result.sensors.map(({ sensor, dates }) => `${dates} of ${sensor}`);
  console.log(`looked at ${looked.join(" and ")}`);
  if (result.kind === "map") printAreas(result.areas);
  else {
    for (const { name, probability } of result.classes.slice(0, top))
      console.log(`  ${name} ${percent(probability)}`);
  }
  printFiles(Object.values(result.files));
}
