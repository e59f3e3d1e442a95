import { type Command, InvalidArgumentError, Option } from "commander";
import { modelConfig } from "../embed/load-model.node.ts";
import { sceneNeeds } from "../embed/scene-needs.ts";
import { denseProbe } from "../evaluate/dense-probe.node.ts";
import { type FeatureName, featureNames } from "../evaluate/model-features.ts";
import { probe } from "../evaluate/probe.node.ts";
import { type ProtocolName, protocolNames } from "../evaluate/protocols.ts";
import { markdownTable } from "../evaluate/results.ts";
import { type StageName, stageNames } from "../evaluate/stage-features.ts";
import { openDenseSet } from "../tasks/segmentation/data/open-dense-set.node.ts";
import { commandLine } from "./command-line.ts";
import { deviceOption, list, ratio, seedsOption, sensorsOption } from "./options.ts";
import { progressLine } from "./progress.node.ts";
import { addSceneOptions, sceneOptions, whole } from "./scene-options.ts";

export function addProbe(program: Command): void {
  const command = program
    .command("probe")
    .summary("measure how much a model's features tell")
    .description(
      "Measure how much a model's features tell, without training it: k-NN and a linear probe on labelled images, " +
        "beside image statistics and random filters, which never learnt anything. Images lie in a folder for each " +
        "class, or are listed in an index.json or index.csv. With --dense, a linear probe on the features of single cells " +
        "of places with masks, judged by intersection over union. An interrupted run goes on when the same command is run again.",
    )
    .option("--data <dir>", "one data set, divided by its own splits or by --train-ratio")
    .option("--train <dir>", "or one to learn from")
    .option("--test <dir>", "and one to judge")
    .option("--train-ratio <share>", "draw this share of each class's images to learn from", ratio)
    .option("--min-per-class <n>", "leave out classes with fewer images", whole)
    .option("--subset <name>", "which one, where a data set holds several sets of series")
    .option("--model <model>", "a name (see `skysense models`) or a .safetensors file", "nano")
    .addOption(
      new Option("--features <which>", featuresHelp).argParser<FeatureName | StageName[]>(features).default("fused"),
    )
    .addOption(
      new Option("--protocol <list>", "knn, linear or both")
        .argParser<ProtocolName[]>(protocols)
        .default([...protocolNames], "both"),
    )
    .addOption(seedsOption("one run each: draws, random weights, intervals"))
    .option("--size <pixels>", "bring images to this many pixels a side", whole)
    .addOption(sensorsOption("leave out images of others than these"))
    .option("--dense", "judge the features of cells: an index.json with masks")
    .option("--hold-out <list>", "with --dense: groups of places to judge; default: all in turn", list)
    .option("--cells <n>", "with --dense: at most so many cells of each place (default: 64)", whole)
    .option("--out <file>", "JSON that results are added to", "out/probe/results.json")
    .option("--table <file>", "the same as .md or .csv; default: beside --out")
    .option("--cache <dir>", 'keeps vectors between runs; default: "vectors" beside --out')
    .addOption(deviceOption("cpu"));
  addSceneOptions(command).action(async (options, self: Command) => {
    const { train, test, data } = options;
    if ((data === undefined) === (train === undefined) || (train === undefined) !== (test === undefined)) {
      self.error("error: give either --data, or --train and --test");
    }
    if (data === undefined && options.trainRatio !== undefined) self.error("error: --train-ratio goes with --data");
    if (options.dense && data === undefined) self.error("error: --dense goes with --data");
    if (options.dense && typeof options.features === "object") {
      self.error("error: stages have no features of single cells: --dense goes with --features fused, hr, s2 or s1");
    }
    const progress = progressLine();
    const common = {
      model: options.model,
      features: options.features,
      seeds: options.seeds,
      sensors: options.sensors,
      dates: options.maxDates,
      device: options.device,
      out: options.out,
      table: options.table,
      command: commandLine(process.argv.slice(2)),
      signal: self.optsWithGlobals().signal,
      onProgress: progress.onProgress,
    };
    const scene = sceneOptions(options);
    try {
      const { results, skipped, files } = options.dense
        ? await denseProbe({
            ...common,
            set: await openDenseSet(data, {
              needs: { ...sceneNeeds(modelConfig(options.model)), ...scene },
              subset: options.subset,
            }),
            holdOut: options.holdOut,
            cells: options.cells,
          })
        : await probe({
            ...common,
            data: data ?? { train, test },
            subset: options.subset,
            trainRatio: options.trainRatio,
            minPerClass: options.minPerClass,
            protocols: options.protocol,
            size: options.size,
            scene,
            cache: options.cache,
          });
      progress.end();
      for (const { id, reason } of skipped) console.error(`warning: ${id} was left out: ${reason}`);
      if (skipped.length > 0) console.error(`warning: ${skipped.length} images were left out`);
      console.log(markdownTable(results));
      for (const path of Object.values(files)) console.log(`  ${path}`);
    } finally {
      progress.end();
    }
  });
}

const featuresHelp =
  'vectors of the model: fused, hr, s2 or s1; or mean and deviation of stages of the HR encoder, as "stage1,stage2"';

function features(text: string): FeatureName | StageName[] {
  if (featureNames.includes(text as FeatureName)) return text as FeatureName;
  const names = list(text);
  if (names.every((name) => stageNames.includes(name as StageName))) return names as StageName[];
  throw new InvalidArgumentError(`Choose one of ${featureNames.join(", ")}, or some of ${stageNames.join(", ")}.`);
}

function protocols(text: string): ProtocolName[] {
  const names = list(text);
  for (const name of names) {
    if (!protocolNames.includes(name as ProtocolName)) {
      throw new InvalidArgumentError(`Choose from ${protocolNames.join(", ")}.`);
    }
  }
  return names as ProtocolName[];
}
