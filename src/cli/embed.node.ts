import { type Command, Option } from "commander";
import { type EmbedOptions, embed } from "../embed/embed.node.ts";
import { deviceOption } from "./options.ts";
import { withProcesses } from "./processes.node.ts";
import { duration } from "./progress.node.ts";
import { addSceneOptions, sceneOptions, whole } from "./scene-options.ts";

export function addEmbed(program: Command): void {
  const command = program
    .command("embed")
    .summary("turn images of one place into features")
    .description(
      "Turn images of one place, any mix of sensors and dates, into features: a dense map, one vector a tile, " +
        "a picture and a report. An interrupted run goes on when the same command is run again.",
    )
    .argument("<files...>", "GeoTIFF, PNG, JPEG, WebP or what else GDAL reads; paths or URLs")
    .requiredOption("--out <dir>", "folder for the outputs")
    .option("--model <model>", "a name (see `skysense models`) or a .safetensors file", "nano")
    .option("--window <cells>", "side of what the model sees at once (a cell: 32 HR pixels, 1 Sentinel pixel)", whole)
    .option("--overlap <cells>", "cells that neighbouring windows share", (text) => (text === "0" ? 0 : whole(text)))
    .option("--tile <cells>", "side of a tile that gets one vector", whole)
    .addOption(
      new Option("--type <type>", "numbers in features.tif").choices(["int8", "float16", "float32"]).default("int8"),
    )
    .addOption(deviceOption("auto"));
  addSceneOptions(command).action(async (files: string[], options, self: Command) => {
    // The model takes its part of the cores by itself.
    const { result, first } = await withProcesses(self, ({ threads: _, ...shared }) =>
      embed({
        ...sceneOptions(options),
        ...shared,
        inputs: files,
        out: options.out,
        model: options.model,
        window: options.window,
        overlap: options.overlap,
        tile: options.tile,
        dataType: options.type,
        device: options.device,
      } satisfies EmbedOptions),
    );
    if (first) report(result);
  });
}

function report({
  files,
  tiles,
  dimensions,
  size,
  resumedRows,
  seconds,
  warnings,
  decisions,
}: Awaited<ReturnType<typeof embed>>): void {
  for (const warning of warnings) console.error(`warning: ${warning}`);
  console.log("How the images were understood:");
  for (const decision of decisions) console.log(`  ${decision}`);
  if (resumedRows > 0) console.log(`went on from row ${resumedRows} of an interrupted run`);
  console.log(`${size.join(" × ")} cells of ${dimensions} features, ${tiles} tile vector${tiles === 1 ? "" : "s"}`);
  for (const path of Object.values(files)) console.log(`  ${path}`);
  const { reading, computing, writing } = seconds;
  console.log(`reading ${duration(reading)}, computing ${duration(computing)}, writing ${duration(writing)}`);
}
