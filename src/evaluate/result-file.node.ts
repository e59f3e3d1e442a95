import { mkdir, readFile, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { SkySenseError } from "../core/error.ts";
import { unreadable } from "../core/read-file.node.ts";
import { explain, writeAtomic } from "../core/write-atomic.node.ts";
import { csvTable, markdownTable, merged, type ProbeResult } from "./results.ts";

const rows = z.array(
  z.looseObject({ features: z.string(), protocol: z.string(), metric: z.string(), run: z.string() }),
);

/** Results in a file; none where there is no file. @throws SkySenseError `BAD_RESULTS` | `FILE_UNREADABLE` */
export async function readResults(path: string): Promise<ProbeResult[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw unreadable(path, cause);
  }
  try {
    return rows.parse(JSON.parse(text)) as unknown as ProbeResult[];
  } catch (cause) {
    throw new SkySenseError({
      code: "BAD_RESULTS",
      what: "this file holds something else than results of probes",
      where: path,
      remedy: "Choose another file by --out.",
      cause,
    });
  }
}

/**
 * Add results to a JSON file and write its table anew, `.csv` or Markdown by the name. Several processes may add to
 * the same files.
 *
 * @returns all results in the file
 */
export async function addResults(
  added: readonly ProbeResult[],
  { out, table }: { out: string; table: string },
): Promise<ProbeResult[]> {
  const release = await lock(`${out}.lock`);
  try {
    const all = merged(await readResults(out), added);
    await writeAtomic(out, `[\n${all.map((row) => JSON.stringify(row)).join(",\n")}\n]\n`);
    await writeAtomic(table, table.endsWith(".csv") ? csvTable(all) : markdownTable(all));
    return all;
  } finally {
    await release();
  }
}

/** Writing takes milliseconds: a lock of this age was left by a process that was killed. */
const staleMs = 10_000;

async function lock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await mkdir(dirname(path), { recursive: true });
      await mkdir(path);
      return () => rm(path, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw explain(error, path);
      const made = await stat(path).catch(() => undefined);
      if (made !== undefined && Date.now() - made.mtimeMs > staleMs) await rm(path, { recursive: true, force: true });
      else await setTimeout(20);
    }
  }
}
