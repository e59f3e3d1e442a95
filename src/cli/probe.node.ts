import { type Command, InvalidArgumentError, Option } from "commander";
import { featureNames } from "../evaluate/model-features.ts";
import { probe } from "../evaluate/probe.node.ts";
import { type ProtocolName, protocolNames } from "../evaluate/protocols.ts";
import { markdownTable } from "../evaluate/results.ts";
import { commandLine } from "./command-line.ts";
import { deviceOption, ratio, seedsOption } from "./options.ts";
import { progressLine } from "./progress.node.ts";
import { addSceneOptions, sceneOptions, whole } from "./scene-options.ts";

export function addProbe(program: Command): void {
  const command = program
    .command("probe")
    .summary("measure how much a model's features tell")
    .description(
      "Measure how much a model's features tell, without training it: k-NN and a linear probe on labelled images, " +
        "beside image statistics and random filters, which never learnt anything. Images lie in a folder for each " +
        "class, or are listed in an index.json or index.csv. An interrupted run goes on when the same command is run again.",
    )
    .option("--data <dir>", "one data set, divided by its own splits or by --train-ratio")
    .option("--train <dir>", "or one to learn from")
    .option("--test <dir>", "and one to judge")
    .option("--train-ratio <share>", "draw this share of each class's images to learn from", ratio)
    .option("--min-per-class <n>", "leave out classes with fewer images", whole)
    .option("--subset <name>", "which one, where a data set holds several sets of series")
    .option("--model <model>", "a preset with random weights, or a .safetensors file", "nano")
    .addOption(new Option("--features <which>", "vectors of the model").choices([...featureNames]).default("fused"))
    .addOption(
      new Option("--protocol <list>", "knn, linear or both")
        .argParser<ProtocolName[]>(protocols)
        .default([...protocolNames], "both"),
    )
    .addOption(seedsOption("one run each: draws, random weights, intervals"))
    .option("--size <pixels>", "bring images to this many pixels a side", whole)
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
    const progress = progressLine();
    try {
      const { results, skipped, files } = await probe({
        data: data ?? { train, test },
        subset: options.subset,
        trainRatio: options.trainRatio,
        minPerClass: options.minPerClass,
        model: options.model,
        features: options.features,
        protocols: options.protocol,
        seeds: options.seeds,
        size: options.size,
        scene: sceneOptions(options),
        device: options.device,
        out: options.out,
        table: options.table,
        cache: options.cache,
        command: commandLine(process.argv.slice(2)),
        signal: self.optsWithGlobals().signal,
        onProgress: progress.onProgress,
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

function protocols(text: string): ProtocolName[] {
  const names = text.split(",");
  for (const name of names) {
    if (!protocolNames.includes(name as ProtocolName)) {
      throw new InvalidArgumentError(`Choose from ${protocolNames.join(", ")}.`);
    }
  }
  return names as ProtocolName[];
}
