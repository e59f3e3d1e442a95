import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { SkySenseError } from "./error.ts";

/** Bytes at once or in pieces; text is written as UTF-8. */
export type Content = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Write a file so that `path` holds either all of `content` or what it held before; missing folders are made.
 * @throws SkySenseError as {@link replaceFile}
 */
export async function writeAtomic(path: string, content: Content, options?: { signal?: AbortSignal }): Promise<void> {
  await replaceFile(path, async (part) => {
    const file = await open(part, "w");
    try {
      for await (const piece of pieces(content)) {
        options?.signal?.throwIfAborted();
        await file.writeFile(piece); // continues at the file's position, and writes all of it
      }
    } finally {
      await file.close();
    }
  });
}

/**
 * Let `write` make a file beside `path`, then rename it there: for writers that seek, or that need a file name.
 * When `write` rejects, what it left is removed and `path` stays as it was. Missing folders are made.
 *
 * @throws SkySenseError `DISK_FULL` | `NOT_WRITABLE`: the system refused; other errors of `write` pass unchanged.
 */
export async function replaceFile<T>(path: string, write: (part: string) => Promise<T>): Promise<T> {
  // Beside, since a rename across file systems fails. The ending stays last: GDAL and sharp choose a format by it.
  const part = join(dirname(path), `.part-${process.pid}-${randomBytes(4).toString("hex")}-${basename(path)}`);
  try {
    await makeFolder(dirname(path));
    const result = await write(part);
    await sync(part); // before the rename, or a power cut could leave an empty file under the final name
    await rename(part, path);
    return result;
  } catch (error) {
    await rm(part, { force: true }).catch(() => {}); // the first error is the one to report
    throw explain(error, path);
  }
}

/**
 * Make a folder and those missing above it. (Node's own `recursive` never ends where the system says that a folder is
 * missing whose parent is there, as under /proc.)
 *
 * @throws SkySenseError `NOT_WRITABLE` there; what else the system says passes unchanged, for {@link explain}
 */
export async function makeFolder(path: string): Promise<void> {
  const isFolder = (name: string) =>
    stat(name).then(
      (found) => found.isDirectory(),
      () => false,
    );
  if (await isFolder(path)) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    if (await isFolder(path)) return; // another process was faster
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new SkySenseError({
      code: "NOT_WRITABLE",
      what: "no folder can be made here",
      where: path,
      remedy: "Choose another folder.",
      cause: error,
    });
  }
}

function pieces(content: Content): Iterable<Uint8Array | string> | AsyncIterable<Uint8Array> {
  return typeof content === "string" || content instanceof Uint8Array ? [content] : content;
}

async function sync(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

const remedies: Record<string, readonly [code: string, what: string, remedy: string]> = {
  ENOSPC: ["DISK_FULL", "the disk is full", "Free some space, or write to another disk."],
  EDQUOT: ["DISK_FULL", "the disk quota is used up", "Free some space, or write to another disk."],
  EFBIG: ["DISK_FULL", "the file grew larger than this disk allows", "Write to another disk."],
  EACCES: ["NOT_WRITABLE", "no permission to write here", "Choose another folder, or change its permissions."],
  EPERM: ["NOT_WRITABLE", "no permission to write here", "Choose another folder, or change its permissions."],
  EROFS: ["NOT_WRITABLE", "this disk is read-only", "Choose a folder on another disk."],
  ENOTDIR: ["NOT_WRITABLE", "a part of this path is a file, not a folder", "Choose another folder."],
  EEXIST: ["NOT_WRITABLE", "a part of this path is a file, not a folder", "Choose another folder."],
  EISDIR: ["NOT_WRITABLE", "this is a folder, not a file", "Choose another name, or remove the folder."],
  ENAMETOOLONG: ["NOT_WRITABLE", "the name is too long for this disk", "Choose a shorter name."],
};

/** The error of a failed write to `path` as one with a remedy; any other error as it is. */
export function explain(error: unknown, path: string): unknown {
  const known = remedies[(error as NodeJS.ErrnoException | undefined)?.code ?? ""];
  if (known === undefined) return error;
  const [code, what, remedy] = known;
  return new SkySenseError({ code, what, where: path, remedy, cause: error });
}
