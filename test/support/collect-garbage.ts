import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose_gc");

/** Collect all garbage of this thread: before memory is measured, since what nothing had come to yet is no leak. */
export const collectGarbage: () => void = runInNewContext("gc");
