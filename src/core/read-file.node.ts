import { readFile } from "node:fs/promises";
import { SkySenseError } from "./error.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "the file does not exist",
  EISDIR: "this is a folder, not a file",
  EACCES: "the file may not be read",
  EMFILE: "too many files are open",
};

/** A whole file. @throws SkySenseError `FILE_UNREADABLE` */
export async function readWholeFile(file: string): Promise<Buffer<ArrayBuffer>> {
  try {
    return (await readFile(file)) as Buffer<ArrayBuffer>;
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** The error for a file that the system does not let us read. */
export function unreadable(file: string, cause: unknown): SkySenseError {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  return new SkySenseError({
    code: "FILE_UNREADABLE",
    what: reasons[code] ?? `the file cannot be read: ${message}`,
    where: file,
    remedy: "Check the path and its permissions.",
    cause,
  });
}
