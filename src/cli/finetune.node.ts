import { type Command, InvalidArgumentError, Option } from "commander";
import { openSet } from "../evaluate/open-set.node.ts";
import { markdownTable } from "../evaluate/results.ts";
import { defaults, finetuneSeeds } from "../tasks/classification/finetune.node.ts";
import { writeClassificationReport } from "../tasks/classification/write-report.node.ts";
import { commandLine } from "./command-line.ts";
import { ratio, seedsOption } from "./options.ts";
import { withProcesses } from "./processes.node.ts";
import { addSceneOptions, number, sceneOptions, whole } from "./scene-options.ts";

export function addFinetune(program: Command): void {
  const group = program.command("finetune").summary("train a model for a task");
  const command = group
    .command("classification")
    .summary("name scenes")
    .description(
      "Train a classifier of scenes and judge it once, on a held-out part. Images lie in a folder for each class, or are " +
        'listed in an index.json or index.csv: "file,label,split", or for several classes an image "file,labels,split" ' +
        "with semicolons between labels. An interrupted run goes on when the same command is run again.",
    )
    .requiredOption("--data <dir>", "FOLDER/CLASS/IMAGE, or a folder with index.json or index.csv")
    .requiredOption("--out <dir>", "folder for the run: report.html, results.json and .md, model.safetensors")
    .option("--model <model>", "a preset (random weights) or a .safetensors file", "nano")
    .option("--train-ratio <share>", "share of each class to learn from; default: the set's own splits", ratio)
    .addOption(
      new Option("--mode <mode>", "train all, or the head alone").choices(["full", "linear"]).default("full"),
    )
    .option("--size <pixels>", "side to which images are brought", whole, 128)
    .option("--epochs <n>", "passes over the training part", whole, defaults.epochs)
    .option("--batch-size <n>", "images of a step", whole, defaults.batchSize)
    .option("--lr <rate>", "peak learning rate", number, defaults.lr)
    .option("--weight-decay <rate>", "decoupled weight decay", number, defaults.weightDecay)
    .option(
      "--layer-decay <rate>",
      "learning rate of a layer as a share of the next one's",
      number,
      defaults.layerDecay,
    )
    .option("--drop-path <rate>", "stochastic depth, with --mode full", share, defaults.dropPath)
    .addOption(seedsOption("one run each: weights, split, order, augmentation"));
  addSceneOptions(command).action(async (options, self: Command) => {
    const scene = sceneOptions(options);
    const { out } = options;
    const { result: runs, first } = await withProcesses(self, async (shared) =>
      finetuneSeeds({ ...options, ...shared, set: await openSet(options.data, { scene }), scene }),
    );
    if (!first) return;
    const results = await writeClassificationReport(runs, { out, command: commandLine(process.argv.slice(2)) });
    const failures = new Map(runs.flatMap((run) => run.failures.map(({ id, reason }) => [id, reason])));
    for (const [id, reason] of failures) console.error(`warning: ${id} was left out: ${reason}`);
    if (failures.size > 0) {
      const { train, test } = runs[0]!;
      const was = failures.size === 1 ? "was" : "were";
      console.error(`warning: ${failures.size} of ${train.length + test.length} images ${was} left out`);
    }
    console.log(markdownTable(results));
    for (const { weights } of runs) console.log(`  ${weights}`);
    for (const name of ["results.json", "report.html"]) console.log(`  ${out}/${name}`);
  });
}

function share(text: string): number {
  const value = number(text);
  if (value < 0 || value >= 1) throw new InvalidArgumentError("This is not a share from 0 to below 1, like 0.1.");
  return value;
}
