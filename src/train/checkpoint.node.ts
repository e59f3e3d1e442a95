import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { SkySenseError } from "../core/error.ts";
import { type StoredTensor, safetensorsParts } from "../core/safetensors.ts";
import { explain } from "../core/write-atomic.node.ts";
import { openWeights } from "../runtime/weights.node.ts";
import { type Role, viewOf } from "./flat.ts";
import { makeBuffer, storedTensors, type TrainState } from "./state.ts";

/*
 * A checkpoint is a folder `step-00001000` with `model.safetensors` (what is trained, and buffers), one file for each
 * further role (`first`, `second`: moments; `averages`), and `state.json`. It is written under another name and
 * renamed when all of it is on the disk: a folder with the right name is whole.
 */

/** What a checkpoint says beside its numbers. */
export interface CheckpointInfo {
  /** Updates done. */
  step: number;
  /** Everything that decides what the run computes; a run with other settings does not go on from here. */
  settings: unknown;
  /** Size of `metrics.jsonl` at this step. */
  metricsBytes: number;
  /** The line of the last step, where it was not yet measured. */
  pending?: Record<string, number> | undefined;
}

const nameOf = (step: number) => `step-${String(step).padStart(8, "0")}`;
const fileOf = (role: Role) => `${role === "parameters" ? "model" : role}.safetensors`;

/** Roles that a resumed run needs; gradients are computed anew. */
const kept: readonly Role[] = ["parameters", "first", "second", "averages"];
const rolesIn = ({ flat }: TrainState) => kept.filter((role) => flat.blocks[0]!.arrays[role] !== undefined);

/**
 * Write a checkpoint and remove all but the last `keep`.
 * @returns its folder
 * @throws SkySenseError `DISK_FULL` | `NOT_WRITABLE`: nothing is left half-written, older checkpoints stay.
 */
export async function writeCheckpoint(
  folder: string,
  state: TrainState,
  { info, keep, metadata }: { info: CheckpointInfo; keep: number; metadata: Record<string, string> },
): Promise<string> {
  const path = join(folder, nameOf(info.step));
  const part = join(folder, `.part-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    await mkdir(part, { recursive: true });
    for (const role of rolesIn(state)) {
      const tensors = storedTensors(state, role, { withBuffers: role === "parameters" });
      await writeSynced(join(part, fileOf(role)), safetensorsParts(tensors, role === "parameters" ? metadata : {}));
    }
    await writeSynced(join(part, "state.json"), [Buffer.from(`${JSON.stringify(info, null, 2)}\n`)]);
    await syncFolder(part);
    await rename(part, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(part, { recursive: true, force: true }).catch(() => {});
    throw explain(error, path);
  }
  for (const { path: old } of (await listCheckpoints(folder)).slice(0, -keep)) await remove(folder, old);
  return path;
}

/** Finished checkpoints, oldest first. */
export async function listCheckpoints(folder: string): Promise<{ step: number; path: string }[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names
    .flatMap((name) => {
      const [, digits] = /^step-(\d{8,})$/.exec(name) ?? [];
      return digits === undefined ? [] : [{ step: Number(digits), path: join(folder, name) }];
    })
    .sort((a, b) => a.step - b.step);
}

/** Remove what a killed run left half-written or half-removed. */
export async function cleanCheckpoints(folder: string): Promise<void> {
  const names = await readdir(folder).catch((): string[] => []);
  for (const name of names.filter((entry) => /^\.(part|old)-/.test(entry))) {
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

/**
 * Read a checkpoint into the state.
 * @throws SkySenseError `CHECKPOINT_MISMATCH`: it is of another model or of a run with other settings;
 *   `CHECKPOINT_DAMAGED` and those of reading a file
 */
export async function readCheckpoint(
  path: string,
  state: TrainState,
  { settings }: { settings: unknown },
): Promise<CheckpointInfo> {
  const info = await readInfo(join(path, "state.json"));
  const difference = firstDifference(info.settings, JSON.parse(JSON.stringify(settings)));
  if (difference !== undefined) throw mismatch(path, difference);
  for (const role of rolesIn(state)) readRole(join(path, fileOf(role)), state, role);
  return info;
}

async function readInfo(file: string): Promise<CheckpointInfo> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw new SkySenseError({
      code: "CHECKPOINT_DAMAGED",
      what: `the description of the checkpoint cannot be read: ${(cause as Error).message}`,
      where: file,
      remedy: "Remove this checkpoint's folder to go on from the one before it.",
      cause,
    });
  }
}

function readRole(file: string, state: TrainState, role: Role): void {
  const weights = openWeights(file);
  try {
    const take = (name: string, shape: readonly number[]) => {
      const stored = weights.entries.get(name);
      if (stored === undefined) throw mismatch(file, `the run trains "${name}", which is not there`);
      if (stored.shape.join() !== shape.join()) {
        throw mismatch(file, `"${name}" has the shape [${stored.shape}] there, and [${shape}] in this run`);
      }
      return weights.float32(name);
    };
    const trained = new Set(state.flat.slots.map(({ name }) => name));
    const others = [...weights.entries.keys()].filter((name) => !trained.has(name));
    const unknown = others.find((name) => role !== "parameters" || !state.fixed.has(name));
    if (unknown !== undefined) throw mismatch(file, `it trains "${unknown}", which this run does not`);
    for (const slot of state.flat.slots) viewOf(state.flat, role, slot).set(take(slot.name, slot.shape));
    for (const name of others) makeBuffer(state, name).set(take(name, state.fixed.get(name)!.shape));
  } finally {
    weights.close();
  }
}

function mismatch(where: string, what: string): SkySenseError {
  return new SkySenseError({
    code: "CHECKPOINT_MISMATCH",
    what: `the checkpoint is of another run: ${what}`,
    where,
    remedy: "Choose another --out, or the model and the options that this run began with.",
  });
}

/** "seed is 1 there, and 2 in this run". */
function firstDifference(there: unknown, here: unknown, path = ""): string | undefined {
  const isTable = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
  if (!isTable(there) || !isTable(here)) {
    const text = (value: unknown) => (value === undefined ? "not set" : JSON.stringify(value));
    return there === here ? undefined : `${path} is ${text(there)} there, and ${text(here)} in this run`;
  }
  for (const key of new Set([...Object.keys(there), ...Object.keys(here)])) {
    const found = firstDifference(there[key], here[key], path === "" ? key : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A name first that nobody takes for a checkpoint: removing a folder takes several steps. */
async function remove(folder: string, path: string): Promise<void> {
  const old = join(folder, `.old-${randomBytes(4).toString("hex")}`);
  await rename(path, old);
  await rm(old, { recursive: true, force: true });
}

async function writeSynced(path: string, parts: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "w");
  try {
    for (const part of parts) await file.writeFile(part);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined); // Windows opens no folders
  await folder?.sync().catch(() => {});
  await folder?.close();
}

/** Trained parameters, buffers and frozen ones: the whole model as tensors of a file. */
export function modelTensors(state: TrainState, role: "parameters" | "averages"): Map<string, StoredTensor> {
  const tensors = storedTensors(state, role, { withBuffers: true });
  for (const [name, { shape, data }] of state.fixed) tensors.set(name, { dtype: "F32", shape, data });
  return tensors;
}
