import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { type OnFault, refuse } from "../../../core/faults.ts";
import { readWholeFile } from "../../../core/read-file.node.ts";
import { looksLikeBigEarthNet, openBigEarthNet } from "./bigearthnet.node.ts";
import type { DatedSet } from "./dated-set.ts";
import { isFmowImage, looksLikeFmow, openFmow } from "./fmow.node.ts";
import { openDatedIndex } from "./index-set.node.ts";
import { looksLikePastis, openPastis } from "./pastis.node.ts";

export interface OpenDatedSetOptions {
  /** Which one, where a set holds several: BigEarthNet's classes, 19 or 43; a set of series; kinds of labels. */
  subset?: string | undefined;
  /** Of PASTIS: which rotation of its five folds, 1 to 5. */
  fold?: number | undefined;
  /** What to do with a place of which the set does not say what it must. Default: end. */
  onFault?: OnFault | undefined;
}

/** Whether these are the files of one of the published layouts. */
export function hasDatedPlaces(files: readonly string[]): boolean {
  const top = files.filter((file) => !file.includes("/"));
  return looksLikePastis(top) || looksLikeBigEarthNet(top) || files.some(isFmowImage);
}

/**
 * Open a set of dated places: PASTIS and PASTIS-R, BigEarthNet 1 and 2, fMoW-Sentinel, or a folder with an `index.json`
 * (see `openDatedIndex`), whichever lies there. Nothing is read but names, dates and labels.
 *
 * @throws SkySenseError `SET_NOT_FOUND` | `SET_UNKNOWN`, and those of the layouts
 */
export async function openDatedSet(path: string, options: OpenDatedSetOptions = {}): Promise<DatedSet> {
  const { subset, onFault = refuse } = options;
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new SkySenseError({
      code: "SET_NOT_FOUND",
      what: "there is no such folder",
      where: path,
      remedy: "Give the folder of a set of dated places.",
    });
  }
  const names = await readdir(path);
  if (names.includes("index.json")) return openDatedIndex(path, { subset, onFault });
  if (looksLikePastis(names)) return openPastis(path, { folders: names, fold: options.fold, onFault });
  if (looksLikeBigEarthNet(names)) return openBigEarthNet(path, { subset, onFault });
  const table = names.find((name) => ["train.csv", "val.csv", "test_gt.csv"].includes(name));
  if (table !== undefined && looksLikeFmow((await readWholeFile(join(path, table))).toString("utf8", 0, 200))) {
    return openFmow(path, { files: names, onFault });
  }
  throw new SkySenseError({
    code: "SET_UNKNOWN",
    what: "nothing here says what this set is",
    where: path,
    remedy:
      "Give the folder of PASTIS (metadata.geojson, ANNOTATIONS), of BigEarthNet (metadata.parquet, or folders of patches), of fMoW-Sentinel (train.csv), or one with an index.json.",
  });
}
