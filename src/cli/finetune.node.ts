import { availableParallelism } from "node:os";
import { type Command, Option } from "commander";
import { openSet } from "../evaluate/open-set.node.ts";
import { openMpi } from "../runtime/mpi.node.ts";
import { defaults, finetune } from "../tasks/classification/finetune.node.ts";
import { writeClassificationReport } from "../tasks/classification/write-report.node.ts";
import { commandLine } from "./command-line.ts";
import { progressLine } from "./progress.node.ts";
import { addSceneOptions, number, sceneOptions, whole } from "./scene-options.ts";

export function addFinetune(program: Command): void {
  const group = program.command("finetune").summary("train a model for a task");
  const command = group
    .command("classification")
    .summary("name scenes")
    .description(
      "Train a classifier of scenes on a folder for each class (or a set with an index.json) and judge it on the held-out " +
        "part. An interrupted run goes on when the same command is run again.",
    )
    .requiredOption("--data <dir>", "FOLDER/CLASS/IMAGE, or a folder with index.json")
    .requiredOption("--out <dir>", "folder for the run: model, checkpoints, metrics.jsonl, results.json, report.html")
    .option("--model <model>", "a preset (random weights) or a .safetensors file", "nano")
    .option("--train-ratio <share>", "share of each class to learn from; default: the set's own splits", number)
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
    .option("--seed <n>", "for weights, split, order and augmentation", number, defaults.seed);
  addSceneOptions(command).action(async (options, self: Command) => {
    const mpi = openMpi();
    const first = mpi === undefined || mpi.rank === 0;
    const progress = progressLine();
    const { signal: interrupted } = self.optsWithGlobals();
    const signal = mpi === undefined ? interrupted : AbortSignal.any([interrupted, mpi.lost]);
    const scene = sceneOptions(options);
    try {
      const result = await finetune({
        ...options,
        set: await openSet(options.data, { scene }),
        scene,
        signal,
        ...(first && { onProgress: progress.onProgress }),
        ...(mpi && { communicator: mpi, threads: Math.max(1, Math.floor(availableParallelism() / mpi.localSize)) }),
      });
      progress.end();
      await mpi?.finalize();
      if (!first) return;
      const title = `${result.train.length} images of ${result.config.classes.length} classes from ${result.name}`;
      const scores = await writeClassificationReport(result, {
        out: options.out,
        title,
        command: commandLine(process.argv.slice(2)),
      });
      const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
      console.log(
        `overall accuracy ${percent(scores.overallAccuracy)} (95 %: ${percent(scores.low)} to ${percent(scores.high)}, ` +
          `${scores.n} images)\n  ${result.weights}\n  ${options.out}/report.html`,
      );
    } finally {
      progress.end();
    }
  });
}
