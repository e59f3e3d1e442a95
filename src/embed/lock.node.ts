import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { SkySenseError } from "../core/error.ts";
import { explain, makeFolder } from "../core/write-atomic.node.ts";

/**
 * Keep a folder for one run at a time, while `run` lasts. A lock that a dead process left is taken over.
 * @throws SkySenseError `FOLDER_BUSY` | `NOT_WRITABLE` | `DISK_FULL`
 */
export async function withLock<T>(folder: string, run: () => Promise<T>): Promise<T> {
  const path = join(folder, "lock");
  await makeFolder(folder).catch((error) => {
    throw explain(error, folder);
  });
  const holder = await holderOf(path);
  if (holder !== undefined) {
    throw new SkySenseError({
      code: "FOLDER_BUSY",
      what: `process ${holder} is writing there`,
      where: folder,
      remedy: "Wait for it to end, or choose another --out.",
    });
  }
  try {
    const file = await open(path, "w");
    await file.writeFile(String(process.pid));
    await file.close();
  } catch (error) {
    throw explain(error, path);
  }
  try {
    return await run();
  } finally {
    await rm(path, { force: true });
  }
}

/** The living process, other than this one, that holds the lock. */
async function holderOf(path: string): Promise<number | undefined> {
  const pid = Number(await readFile(path, "utf8").catch(() => ""));
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return undefined;
  try {
    process.kill(pid, 0); // signal 0 only asks whether it lives
    return pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? pid : undefined;
  }
}
