import { openWeights } from "../runtime/weights.node.ts";
import type { Weights } from "../runtime/weights.ts";
import type { TaskFile } from "./model-file.ts";

/** Read the file of a task's model. @throws SkySenseError `NO_CONFIG` and those of `openWeights` */
export function readModel<Config>(path: string, file: TaskFile<Config>): { config: Config; weights: Weights } {
  const weights = openWeights(path);
  try {
    return { config: file.read(weights.metadata, { file: path }), weights };
  } catch (error) {
    weights.close();
    throw error;
  }
}
