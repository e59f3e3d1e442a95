import { readdir, readFile, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { SkySenseError } from "../../core/error.ts";
import type { LongCall } from "../../core/progress.ts";
import type { OpenSceneOptions } from "../../imagery/scene/open-scene.node.ts";
import { changeCheck, type PairCheckOptions } from "../change/data/check.node.ts";
import { type ClassificationCheckOptions, classificationCheck } from "../classification/check.node.ts";
import { type BoxCheckOptions, detectionCheck } from "../detection/data/check.node.ts";
import { type MaskCheckOptions, segmentationCheck } from "../segmentation/data/check.node.ts";
import { type DatedCheckOptions, timeseriesCheck } from "../timeseries/data/check.node.ts";
import type { Listing } from "./checked-set.ts";
import type { Finding } from "./finding.ts";
import { surveySet } from "./survey.node.ts";

/** Tasks whose data can be checked. */
const checks = [segmentationCheck, detectionCheck, changeCheck, timeseriesCheck, classificationCheck] as const;

export const checkedTasks = checks.map(({ task }) => task);

/** What the layouts do not say, as for training. */
export interface CheckOptions
  extends MaskCheckOptions,
    BoxCheckOptions,
    PairCheckOptions,
    DatedCheckOptions,
    ClassificationCheckOptions,
    LongCall {
  /** Default: every task that has a layout like this. */
  task?: string | undefined;
  scene?: OpenSceneOptions | undefined;
}

/**
 * Find out what a folder holds for each task that can be trained on it, and what is wrong with it: everything is read as
 * training reads it.
 *
 * @throws SkySenseError `SET_NOT_FOUND` | `UNKNOWN_LAYOUT`, and what a reader cannot pass over
 */
export async function checkData(path: string, options: CheckOptions): Promise<Finding[]> {
  const listing = await list(path);
  const able = checks.filter(({ task, claims }) =>
    options.task === undefined ? claims(listing, options) : task === options.task,
  );
  // Folders of folders are classes of scenes only where they are nothing else.
  const chosen =
    able.length > 1 && listing.index === undefined ? able.filter((one) => one !== classificationCheck) : able;
  if (chosen.length === 0) throw unknownLayout(path);
  const findings: Finding[] = [];
  for (const { task, open } of chosen) {
    const faults: string[] = [];
    const set = await open(path, { ...options, onFault: ({ message }) => faults.push(message) });
    findings.push(await surveySet(set, { ...options, task, faults }));
  }
  return findings;
}

async function list(path: string): Promise<Listing> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    throw new SkySenseError({
      code: "SET_NOT_FOUND",
      what: "there is no such file or folder",
      where: path,
      remedy: "Give the folder of a data set.",
    });
  }
  if (found.isFile()) return { path, files: [], index: undefined };
  const names = await readdir(path, { recursive: true });
  const files = names.map((name) => name.split(sep).join("/")).sort();
  return { path, files, index: files.includes("index.json") ? await readItems(join(path, "index.json")) : undefined };
}

/** Of an index that is no JSON, or has no items, the readers say what is wrong. */
async function readItems(index: string): Promise<Record<string, unknown>[]> {
  try {
    const { items = [], sets = [] } = JSON.parse(await readFile(index, "utf8")) as Record<string, never[]>;
    return [...items, ...sets];
  } catch {
    return [];
  }
}

function unknownLayout(path: string): SkySenseError {
  return new SkySenseError({
    code: "UNKNOWN_LAYOUT",
    what: "nothing here looks like a data set: no index, no folders images and masks or A, B and label, no boxes, no dated places, no folder for each class",
    where: path,
    remedy: "Give the folder above, say what it is by --task, or give the labels of a vector file by --labels.",
  });
}
