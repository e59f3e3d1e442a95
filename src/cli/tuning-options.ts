import { type Command, InvalidArgumentError, Option } from "commander";
import { type TuningMode, type TuningSettings, tuningModes } from "../train/tuning.ts";
import { number, whole } from "./scene-options.ts";

/** What every `finetune` command takes: where it writes, what it starts from, how much of that learns, and how fast. */
export function addTuningOptions(
  command: Command,
  defaults: Omit<TuningSettings, "seed">,
  { samples, lrNote = "" }: { samples: string; lrNote?: string },
): Command {
  return command
    .requiredOption("--out <dir>", "folder for the run: model, checkpoints, metrics.jsonl, results.json, report.html")
    .option("--model <model>", "a name (see `skysense models`) or a .safetensors file", "nano")
    .addOption(
      new Option("--mode <mode>", "train the heads alone (frozen, or linear), low-rank adapters too, or everything")
        .choices([...tuningModes, "linear"])
        .argParser(tuningMode)
        .default(defaults.mode),
    )
    .option("--rank <n>", "of the adapters, with --mode lora", whole, defaults.rank)
    .option("--batch-size <n>", `${samples} of a step, over all processes`, whole, defaults.batchSize)
    .option("--lr <rate>", `peak learning rate${lrNote}`, number, defaults.lr)
    .option("--weight-decay <rate>", "decoupled weight decay", number, defaults.weightDecay)
    .option(
      "--layer-decay <rate>",
      "learning rate of a layer as a share of the next one's",
      number,
      defaults.layerDecay,
    )
    .option(
      "--drop-path <rate>",
      "stochastic depth of the last block, unless frozen",
      shareBelowOne,
      defaults.dropPath,
    );
}

/** "linear" is what a frozen encoder is called where the head is one layer. */
function tuningMode(text: string): TuningMode {
  const mode = text === "linear" ? "frozen" : tuningModes.find((name) => name === text);
  if (mode === undefined) throw new InvalidArgumentError(`Allowed choices are ${tuningModes.join(", ")}.`);
  return mode;
}

function shareBelowOne(text: string): number {
  const value = number(text);
  if (value < 0 || value >= 1) throw new InvalidArgumentError("This is not a share from 0 to below 1, like 0.1.");
  return value;
}
