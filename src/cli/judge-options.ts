import { type Command, Option } from "commander";
import { SkySenseError } from "../core/error.ts";
import { judgedParts } from "../evaluate/divide-items.ts";
import { deviceOption } from "./options.ts";
import { number, whole } from "./scene-options.ts";

/** What every `evaluate` command takes besides the set: what is judged, where it writes, and on which part. */
export function addJudgeOptions(command: Command, { task, items }: { task: string; items: string }): Command {
  return command
    .requiredOption("--model <safetensors>", `what \`skysense finetune ${task}\` wrote`)
    .requiredOption("--out <dir>", "folder for results.json and report.html")
    .addOption(new Option("--split <split>", `which ${items}`).choices(judgedParts).default("val"))
    .option("--seed <n>", "of --val-share and the bootstrap", number, 0)
    .addOption(deviceOption("cpu"));
}

/** How images are cut for a model; both have defaults. */
export function addWindowOptions(command: Command, { unit = "pixels" }: { unit?: "pixels" | "cells" } = {}): Command {
  return command
    .option(`--window <${unit}>`, "side of what the model sees at once", whole)
    .option(`--overlap <${unit}>`, "that neighbouring windows share; default: a quarter of the window", number);
}

/** How the regions of a map are written. */
export function addPolygonOptions(command: Command, { minPixels }: { minPixels: number }): Command {
  return command
    .addOption(
      new Option("--polygons <format>", "how regions are written")
        .choices(["geojson", "parquet", "none"])
        .default("geojson"),
    )
    .option("--min-pixels <n>", "smaller regions get no polygon", whole, minPixels);
}

/**
 * A model can be judged by labels that it knows alone.
 * @throws SkySenseError `OTHER_CLASSES`
 */
export function requireClasses(
  { path, has }: { path: string; has: string },
  model: { file: string; has: string },
): void {
  if (has === model.has) return;
  throw new SkySenseError({
    code: "OTHER_CLASSES",
    what: `the labels are ${has}, but ${model.file} knows ${model.has}`,
    where: path,
    remedy: "Give a set with these classes in this order, or say by --classes or --subset which ones are meant.",
  });
}
