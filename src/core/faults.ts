import { SkySenseError } from "./error.ts";

/** What a reader does with a fault of one part (a file, an object) that it can leave out. Default: {@link refuse}. */
export type OnFault = (error: SkySenseError) => void;

/** End with the first fault. */
export const refuse: OnFault = (error) => {
  throw error;
};

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
