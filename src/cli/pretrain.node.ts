import { basename } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { modelConfig } from "../embed/load-model.node.ts";
import { sceneNeeds } from "../embed/scene-needs.ts";
import { openSet } from "../evaluate/open-set.node.ts";
import { readPlaceList } from "../evaluate/place-list.node.ts";
import { pretrain } from "../pretrain/pretrain.node.ts";
import { defaults, forms, settingNames } from "../pretrain/settings.ts";
import { writePretrainReport } from "../pretrain/write-report.node.ts";
import { commandLine } from "./command-line.ts";
import { withProcesses } from "./processes.node.ts";
import { number, whole } from "./scene-options.ts";

export function addPretrain(program: Command): void {
  program
    .command("pretrain")
    .summary("learn from places without labels")
    .description(
      "Pre-train a model on places without labels, one a line of a list that `skysense data index` writes. An interrupted " +
        "run goes on when the same command is run again.",
    )
    .requiredOption("--data <file>", "a list of places, JSON Lines")
    .requiredOption("--out <dir>", "folder for the run: model, checkpoints, metrics.jsonl, report.html")
    .option("--model <model>", "a name (see `skysense models`) or a .safetensors file to go on from", "nano-random")
    .option("--steps <n>", "updates of the whole run", whole, defaults.steps)
    .option("--batch-size <n>", "places of a step", whole, defaults.batchSize)
    .option("--lr <rate>", "peak learning rate", number, defaults.lr)
    .option("--seed <n>", "for weights, order and views", number, defaults.seed)
    .addOption(
      new Option("--form <form>", "what is learnt: see PretrainSettings").choices([...forms]).default(defaults.form),
    )
    .option("--settings <json>", "further settings, as JSON: see PretrainSettings", settingsOf, {})
    .option("--monitor <dir>", "a labelled set: its training part is judged by k-NN during the run")
    .option("--monitor-size <pixels>", "bring its images to this many pixels a side", whole)
    .option("--monitor-every <n>", "steps between", whole, 500)
    .option("--workers <n>", "threads that decode and augment", whole, 1)
    .action(async (options, self: Command) => {
      const {
        data,
        out,
        model,
        steps,
        batchSize,
        lr,
        seed,
        form,
        settings,
        monitor,
        monitorSize,
        monitorEvery,
        workers,
      } = options;
      const places = await readPlaceList(data, sceneNeeds(modelConfig(model)));
      const { result, first } = await withProcesses(self, async (shared) =>
        pretrain({
          ...{ ...shared, places, out, model, workers },
          settings: { steps, batchSize, lr, seed, form, ...settings },
          ...(monitor && {
            monitor: { set: await openSet(monitor, monitorSize ? { size: monitorSize } : {}), every: monitorEvery },
          }),
        }),
      );
      if (!first) return;
      await writePretrainReport({
        ...result,
        settings: { ...result.settings },
        ...{ out, places, name: model },
        title: `${places.length} places from ${basename(data)}`,
        command: commandLine(process.argv.slice(2)),
        signal: self.optsWithGlobals().signal,
      });
      console.log(`  ${result.path}\n  ${out}/report.html`);
    });
}

function settingsOf(text: string): Record<string, unknown> {
  const settings = parseObject(text);
  const unknown = Object.keys(settings).find((name) => !settingNames.includes(name));
  if (unknown === undefined) return settings;
  throw new InvalidArgumentError(`There is no setting "${unknown}"; there are ${settingNames.join(", ")}.`);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // said below
  }
  throw new InvalidArgumentError("Write an object of JSON, like '{\"locals\":4}'.");
}
