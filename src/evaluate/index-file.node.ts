import { readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import type { z } from "zod";
import { SkySenseError } from "../core/error.ts";
import { unreadable } from "../core/read-file.node.ts";

/** The `index.json` of a folder, and what is said where it is wrong. */
export interface IndexFile {
  where: string;
  /** @returns undefined: there is none. @throws SkySenseError `FILE_UNREADABLE` | `BAD_INDEX` */
  read(): Promise<unknown>;
  /** @throws SkySenseError `BAD_INDEX`, naming the first field that does not fit */
  check<T>(json: unknown, schema: z.ZodType<T>): T;
  /** The path of a file that the index names. @throws SkySenseError `BAD_INDEX`: it lies elsewhere */
  inside(file: string): string;
  bad(what: string, cause?: unknown): SkySenseError;
}

/** @param example  Of a valid one, for messages. */
export function indexFile(folder: string, example: string): IndexFile {
  const where = join(folder, "index.json");
  const bad = (what: string, cause?: unknown) =>
    new SkySenseError({
      code: "BAD_INDEX",
      what: `the file is not valid: ${what}`,
      where,
      remedy: `An example: ${example}.`,
      cause,
    });
  return {
    where,
    bad,
    async read() {
      const text = await readFile(where, "utf8").catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === "ENOENT") return undefined;
        throw unreadable(where, cause);
      });
      try {
        return text === undefined ? undefined : JSON.parse(text);
      } catch (cause) {
        throw bad(`it is no JSON: ${(cause as Error).message}`, cause);
      }
    },
    check(json, schema) {
      const parsed = schema.safeParse(json);
      if (parsed.success) return parsed.data;
      const { path, message } = parsed.error.issues[0]!;
      throw bad(`${path.join(".")}: ${message}`, parsed.error);
    },
    inside(file) {
      if (relative(folder, resolve(folder, file)).split(/[\\/]/)[0] === "..")
        throw bad(`${file} lies outside the folder`);
      return join(folder, file);
    },
  };
}
