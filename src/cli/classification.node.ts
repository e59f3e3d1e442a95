import type { Command } from "commander";
import { openSet } from "../evaluate/open-set.node.ts";
import { markdownTable } from "../evaluate/results.ts";
import { classify } from "../tasks/classification/classify.node.ts";
import { defaults, finetuneSeeds } from "../tasks/classification/finetune.node.ts";
import { writeClassificationReport } from "../tasks/classification/write-report.node.ts";
import { commandLine } from "./command-line.ts";
import { ratio, seedsOption } from "./options.ts";
import { onOneProcess, withProcesses } from "./processes.node.ts";
import { addSceneOptions, sceneOptions, whole } from "./scene-options.ts";
import { groupOf } from "./task-group.ts";
import { addTuningOptions } from "./tuning-options.ts";

/** `finetune` and `predict classification`. */
export function addClassification(program: Command): void {
  addFinetune(groupOf(program, "finetune", "train a model for a task"));
  addPredict(groupOf(program, "predict", "use a trained model"));
}

function addFinetune(group: Command): void {
  const command = group
    .command("classification")
    .summary("name scenes")
    .description(
      "Train a classifier of scenes and judge it once, on a held-out part. Images lie in a folder for each class, or are " +
        'listed in an index.json or index.csv: "file,label,split", or for several classes an image "file,labels,split" ' +
        "with semicolons between labels. An interrupted run goes on when the same command is run again.",
    )
    .requiredOption("--data <dir>", "FOLDER/CLASS/IMAGE, or a folder with index.json or index.csv")
    .option("--train-ratio <share>", "share of each class to learn from; default: the set's own splits", ratio)
    .option("--size <pixels>", "side to which images are brought", whole, 128)
    .option("--epochs <n>", "passes over the training part", whole, defaults.epochs)
    .addOption(seedsOption("one run each: weights, split, order, augmentation"));
  addTuningOptions(command, defaults, { samples: "images" });
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

function addPredict(group: Command): void {
  const command = group
    .command("classification")
    .summary("name the scenes of images")
    .description("Name the scenes of images with a classifier that `skysense finetune classification` trained.")
    .argument("<images...>", "images, each a scene of its own")
    .requiredOption("--model <safetensors>", "what `skysense finetune classification` wrote")
    .option("--top <n>", "how many classes an image", whole, 3)
    .option("--json", "print JSON");
  onOneProcess(addSceneOptions(command)).action(async (images: string[], options, self: Command) => {
    const { signal } = self.optsWithGlobals();
    const { images: results, failures } = await classify({
      model: options.model,
      images,
      scene: sceneOptions(options),
      top: options.top,
      signal,
    });
    for (const { id, reason } of failures) console.error(`warning: ${id} was left out: ${reason}`);
    if (options.json) console.log(JSON.stringify(results, null, 2));
    else {
      for (const { image, classes } of results) {
        console.log(
          `${image}: ${classes.map(({ name, probability }) => `${name} ${(100 * probability).toFixed(1)} %`).join(", ")}`,
        );
      }
    }
  });
}
