import type { Command } from "commander";
import { indexPlaces } from "../pretrain/index-places.node.ts";
import { formatSummary } from "../pretrain/index-summary.ts";

import { progressLine } from "./progress.node.ts";
import { addSceneOptions, sceneOptions, whole } from "./scene-options.ts";

export function addData(program: Command): void {
  const data = program.command("data").description("Prepare data.");
  const command = data
    .command("index")
    .summary("list places to pre-train on")
    .description(
      "List places to pre-train on, one a line: the images of data sets (folders with\n" +
        "an index.json) without their labels, and the images in any other folders.\n" +
        "Files of one place are put together, large scenes are cut into patches, items\n" +
        "that a set keeps for testing are left out. What is said by options of bands,\n" +
        "units and dates is for folders without index.json.",
    )
    .argument("<paths...>", "folders and files")
    .option("--out <file>", "the list", "places.jsonl")
    .option("--patch <pixels>", "side of a patch where there are HR images only", whole, 128)
    .option("--patch-cells <pixels>", "side of a patch in Sentinel pixels, where there are any", whole, 64)
    .option("--json", "print JSON");
  addSceneOptions(command).action(async (paths: string[], options, self: Command) => {
    const { describe, location, maxDates, ...scene } = sceneOptions(options) as Record<string, unknown>;
    if (describe !== undefined || location !== undefined) {
      self.error("error: --describe and --location are of one place; put a description beside its files instead");
    }
    const progress = progressLine();
    try {
      const summary = await indexPlaces(paths, {
        out: options.out,
        patch: options.patch,
        patchCells: options.patchCells,
        ...(maxDates !== undefined && { maxDates: maxDates as number }),
        ...(Object.keys(scene).length > 0 && { options: scene }),
        signal: self.optsWithGlobals().signal,
        onProgress: progress.onProgress,
      });
      progress.end();
      console.log(options.json ? JSON.stringify(summary, null, 2) : `${formatSummary(summary)}\n  ${options.out}`);
    } finally {
      progress.end();
    }
  });
}
