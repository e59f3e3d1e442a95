import type { Device } from "../../runtime/session.ts";
import type { Weights } from "../../runtime/weights.ts";
import { type MapSession, openMapper } from "../maps/map-session.node.ts";
import { readModel } from "../read-model.node.ts";
import { type ChangeConfig, dates, inferenceGraph } from "./head.ts";
import { changeFile } from "./model-file.ts";

export type ChangeSession = MapSession<ChangeConfig>;

/** Read a change detector's file. @throws SkySenseError `NO_CONFIG` and those of `openWeights` */
export function readChangeDetector(path: string): { config: ChangeConfig; weights: Weights } {
  return readModel(path, changeFile);
}

/** Make a change detector ready. */
export function openChangeDetector(
  model: { config: ChangeConfig; weights: Weights },
  options: { threads?: number | undefined; device?: Device | "auto" | undefined } = {},
): ChangeSession {
  return openMapper(model, { ...options, graph: inferenceGraph, dates });
}
