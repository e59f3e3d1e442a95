import { realpathSync, rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { explain } from "../../core/write-atomic.node.ts";

const alive = new Set<string>();

/**
 * A new folder for files that last no longer than the process.
 *
 * @throws SkySenseError `DISK_FULL` | `NOT_WRITABLE`
 */
export async function temporaryFolder(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(realpathSync(tmpdir()), "skysense-")).catch((error: unknown) => {
    throw explain(error, tmpdir());
  });
  if (alive.size === 0) process.once("exit", removeAll);
  alive.add(folder);
  return {
    folder,
    async remove() {
      await rm(folder, { recursive: true, force: true });
      alive.delete(folder);
      if (alive.size === 0) process.off("exit", removeAll);
    },
  };
}

function removeAll(): void {
  for (const folder of alive) rmSync(folder, { recursive: true, force: true });
}
