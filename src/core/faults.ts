import { SkySenseError } from "./error.ts";

/** What a reader does with a fault of one part (a file, an object) that it can leave out. Default: {@link refuse}. */
export type OnFault = (error: SkySenseError) => void;

/** End with the first fault. */
export const refuse: OnFault = (error) => {
  throw error;
};

/** What `read` makes of the parts, in order; `onFault` gets the faults of the rest. */
export function mapSound<T, R>(onFault: OnFault, parts: readonly T[], read: (part: T, position: number) => R): R[] {
  return parts.flatMap((part, position) => {
    try {
      return [read(part, position)];
    } catch (error) {
      if (!(error instanceof SkySenseError)) throw error;
      onFault(error);
      return [];
    }
  });
}

/** What could be read, in order; `onFault` gets the faults of the rest, in order too. */
export async function keepSound<T>(onFault: OnFault, reads: readonly (Promise<T> | T)[]): Promise<T[]> {
  const sound: T[] = [];
  for (const read of await Promise.allSettled(reads)) {
    if (read.status === "fulfilled") sound.push(read.value);
    else if (read.reason instanceof SkySenseError) onFault(read.reason);
    else throw read.reason;
  }
  return sound;
}
