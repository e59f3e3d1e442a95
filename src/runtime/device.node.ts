import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, homedir, hostname } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { modulePath } from "../core/worker.node.ts";
import type { Device } from "./session.ts";

/** A GPU must be this many times as fast as the CPU to be worth its start-up and its rounding. */
const advantage = 1.5;

/** A device that hangs is one that cannot be used. */
const probeTimeoutMs = 60_000;

/** What was measured: milliseconds of the probe by device; absent where a device cannot be used, empty without a GPU. */
export type DeviceTimes = Partial<Record<Device, number>>;

let chosen: Promise<Device> | undefined;

/**
 * The fastest device of this machine: each candidate runs the same matrix products once, a GPU is taken if it is
 * {@link advantage} times as fast as the CPU, and the times are kept in the user's cache folder for the next start
 * (measured again when machine, driver path or ONNX Runtime change).
 */
export function chooseDevice({ threads }: { threads: number }): Promise<Device> {
  chosen ??= deviceTimes({ threads }).then(fastest);
  return chosen;
}

/** The rule behind `auto`. */
export function fastest(times: DeviceTimes): Device {
  const cpu = times.cpu ?? Number.POSITIVE_INFINITY;
  const [best = "cpu"] = (["cuda", "webgpu"] as const)
    .filter((device) => (times[device] ?? Number.POSITIVE_INFINITY) * advantage < cpu)
    .sort((a, b) => times[a]! - times[b]!);
  return best;
}

/** Times from the cache file, or measured now. */
export async function deviceTimes({
  threads,
  cacheFile = defaultCacheFile(),
  measure = measureInChild,
}: {
  threads: number;
  cacheFile?: string;
  /** @returns milliseconds, or undefined where the device cannot be used. */
  measure?: (device: Device, threads: number) => Promise<number | undefined>;
}): Promise<DeviceTimes> {
  const machine = describeMachine(threads);
  const known = readCache(cacheFile);
  if (known?.machine === machine) return known.times;
  const times: DeviceTimes = {};
  for (const device of [...gpus(), "cpu"] as const) {
    // The CPU needs no measuring where it is the only choice.
    if (device === "cpu" && Object.keys(times).length === 0) break;
    const ms = await measure(device, threads);
    if (ms !== undefined) times[device] = ms;
  }
  writeCache(cacheFile, { machine, times });
  return times;
}

interface Cache {
  machine: string;
  times: DeviceTimes;
}

function defaultCacheFile(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "skysense", "device.json");
}

function readCache(file: string): Cache | undefined {
  try {
    const value = JSON.parse(readFileSync(file, "utf8")) as Partial<Cache>;
    return typeof value.machine === "string" && typeof value.times === "object" && value.times !== null
      ? (value as Cache)
      : undefined;
  } catch {
    return undefined; // none yet, or damaged: measured again
  }
}

function writeCache(file: string, cache: Cache): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, `${JSON.stringify(cache, null, 2)}\n`);
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    // A home that cannot be written: the next start measures again.
  }
}

/** A change of any of these may change which device is fastest. */
function describeMachine(threads: number): string {
  const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string };
  const drivers = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES", "CUDA_VISIBLE_DEVICES"].map(
    (name) => process.env[name] ?? "",
  );
  return [hostname(), cpus()[0]?.model, `${threads} threads`, `ONNX Runtime ${version}`, ...drivers].join(" · ");
}

/** CUDA comes with Linux and Windows only, and only where its files were installed beside ONNX Runtime's. */
function gpus(): Device[] {
  return process.platform === "linux" || process.platform === "win32" ? ["webgpu", "cuda"] : ["webgpu"];
}

/** In a process of its own: a broken driver may end the one that loads it. */
export async function measureInChild(device: Device, threads: number): Promise<number | undefined> {
  const probe = modulePath(import.meta.url, "./probe.node.ts");
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [probe, device, `${threads}`], {
      timeout: probeTimeoutMs,
    });
    const ms = Number(stdout);
    return ms > 0 ? ms : undefined;
  } catch {
    return undefined;
  }
}
