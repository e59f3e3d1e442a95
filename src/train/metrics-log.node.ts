import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { explain } from "../core/write-atomic.node.ts";

/** One line of `metrics.jsonl`. */
export type MetricsRecord = Readonly<Record<string, number>>;

/** A file of JSON lines that grows with the run. */
export interface MetricsLog {
  /** Add a line. @throws SkySenseError `DISK_FULL` | `NOT_WRITABLE` */
  append(record: MetricsRecord): void;
  /** Bring all lines to the disk; returns the size of the file in bytes. */
  sync(): number;
  close(): void;
}

/**
 * Open the log as it was when it had `bytes` bytes: lines of steps that a resumed run does again are cut off.
 * @throws SkySenseError `DISK_FULL` | `NOT_WRITABLE`
 */
export function openMetricsLog(path: string, { bytes }: { bytes: number }): MetricsLog {
  const guard = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw explain(error, path);
    }
  };
  const file = guard(() => openSync(path, "a"));
  guard(() => ftruncateSync(file, bytes));
  let size = bytes;
  return {
    append(record) {
      const line = Buffer.from(`${JSON.stringify(record)}\n`);
      guard(() => {
        for (let written = 0; written < line.length; ) written += writeSync(file, line, written);
      });
      size += line.length;
    },
    sync() {
      guard(() => fsyncSync(file));
      return size;
    },
    close: () => closeSync(file),
  };
}

/** The lines of a run's `metrics.jsonl`, one a step. */
export async function readMetrics<T extends MetricsRecord>(out: string): Promise<T[]> {
  const lines = (await readFile(join(out, "metrics.jsonl"), "utf8")).split("\n").filter((text) => text !== "");
  return lines.map((text) => JSON.parse(text));
}
