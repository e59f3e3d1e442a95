import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { readWholeFile } from "../../../core/read-file.node.ts";
import { looksLikeBigEarthNet, openBigEarthNet } from "./bigearthnet.node.ts";
import type { DatedSet } from "./dated-set.ts";
import { looksLikeFmow, openFmow } from "./fmow.node.ts";
import { openDatedIndex } from "./index-set.node.ts";
import { openPastis } from "./pastis.node.ts";

export interface OpenDatedSetOptions {
  /** Which one, where a set holds several: BigEarthNet's classes, 19 or 43; a set of series; kinds of labels. */
  subset?: string | undefined;
  /** Of PASTIS: which rotation of its five folds, 1 to 5. */
  fold?: number | undefined;
}

/**
 * Open a set of dated places: PASTIS and PASTIS-R, BigEarthNet 1 and 2, fMoW-Sentinel, or a folder with an `index.json`
 * (see `openDatedIndex`), whichever lies there. Nothing is read but names, dates and labels.
 *
 * @throws SkySenseError `SET_NOT_FOUND` | `SET_UNKNOWN`, and those of the layouts
 */
export async function openDatedSet(path: string, options: OpenDatedSetOptions = {}): Promise<DatedSet> {
  if (!(await stat(path).catch(() => undefined))?.isDirectory()) {
    throw new SkySenseError({
      code: "SET_NOT_FOUND",
      what: "there is no such folder",
      where: path,
      remedy: "Give the folder of a set of dated places.",
    });
  }
  const names = await readdir(path);
  if (names.includes("index.json")) {
    return openDatedIndex(parseJson(await readWholeFile(join(path, "index.json")), join(path, "index.json")), {
      path,
      subset: options.subset,
    });
  }
  if (names.includes("metadata.geojson") && names.includes("ANNOTATIONS")) {
    return openPastis(path, { folders: names, fold: options.fold });
  }
  if (looksLikeBigEarthNet(names)) return openBigEarthNet(path, options);
  const table = names.find((name) => ["train.csv", "val.csv", "test_gt.csv"].includes(name));
  if (table !== undefined && looksLikeFmow((await readWholeFile(join(path, table))).toString("utf8", 0, 200))) {
    return openFmow(path, { files: names });
  }
  throw new SkySenseError({
    code: "SET_UNKNOWN",
    what: "nothing here says what this set is",
    where: path,
    remedy:
      "Give the folder of PASTIS (metadata.geojson, ANNOTATIONS), of BigEarthNet (metadata.parquet, or folders of patches), of fMoW-Sentinel (train.csv), or one with an index.json.",
  });
}

function parseJson(bytes: Buffer, where: string): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw new SkySenseError({
      code: "BAD_INDEX",
      what: `the index is no JSON: ${(cause as Error).message}`,
      where,
      remedy: "Correct it.",
      cause,
    });
  }
}
