import { type Command, Option } from "commander";
import { SkySenseError } from "../core/error.ts";
import { indexPlaces } from "../pretrain/index-places.node.ts";
import { formatSummary } from "../pretrain/index-summary.ts";
import { checkData, checkedTasks } from "../tasks/check/check-data.node.ts";
import { formatFinding } from "../tasks/check/finding.ts";
import { list, ratio } from "./options.ts";
import { progressLine } from "./progress.node.ts";
import { addSceneOptions, number, sceneOptions, whole } from "./scene-options.ts";
import { addMaskOptions, maskOptions } from "./segmentation.node.ts";
import { vectorOptions } from "./vector-options.ts";

export function addData(program: Command): void {
  const data = program.command("data").description("Prepare data.");
  addIndex(data);
  addCheck(data);
}

function addIndex(data: Command): void {
  const command = data
    .command("index")
    .summary("list places to pre-train on")
    .description(
      "List places to pre-train on, one a line: the images of data sets (folders with an index.json) without their " +
        "labels, and the images in any other folders. Files of one place are put together, large scenes are cut into " +
        "patches, items that a set keeps for testing are left out. What is said by options of bands, units and dates " +
        "is for folders without index.json.",
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

function addCheck(data: Command): void {
  const command = data
    .command("check")
    .summary("say what a data set holds, and what is wrong with it")
    .description(
      "Read a data set as `finetune` would, everything of it, and say in which layout it is, what there is of each " +
        "class in each split, and what is wrong. Exit code 2 where something is.",
    )
    .argument("<dir>", "the data set; with --labels, an image or a folder of images")
    .addOption(
      new Option("--task <task>", "what it is for; default: whatever has such a layout").choices(checkedTasks),
    )
    .option("--oriented", "boxes with an angle");
  addMaskOptions(command)
    .option("--fold <n>", "of PASTIS: which rotation of its five folds", whole)
    .option("--val-share <share>", "share of the images to judge; default: the set's own splits", ratio)
    .option("--seed <n>", "of that share", number, 0)
    .option("--json", "print JSON");
  addSceneOptions(command).action(async (path: string, options, self: Command) => {
    const { task, oriented = false, fold, valShare, seed, classes, subset, json } = options;
    if (options.labels !== undefined && task === undefined) {
      self.error("error: with --labels, say by --task segmentation or --task detection what they are for");
    }
    const progress = progressLine();
    const findings = await checkData(path, {
      ...{ task, fold, valShare, seed, subset },
      masks: maskOptions(options),
      boxes: { oriented, classes: classes && list(classes), vectors: vectorOptions(options) },
      trainRatio: valShare === undefined ? undefined : 1 - valShare,
      scene: sceneOptions(options),
      signal: self.optsWithGlobals().signal,
      onProgress: progress.onProgress,
    }).finally(() => progress.end());
    console.log(json ? JSON.stringify(findings, null, 2) : findings.map(formatFinding).join("\n"));
    const count = findings.reduce((sum, { problems }) => sum + problems.length, 0);
    if (count > 0) {
      throw new SkySenseError({
        code: "BAD_DATA",
        what: `${count} ${count === 1 ? "problem was" : "problems were"} found`,
        where: path,
      });
    }
  });
}
