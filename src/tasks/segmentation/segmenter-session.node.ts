import type { Device } from "../../runtime/session.ts";
import type { Weights } from "../../runtime/weights.ts";
import { type MapSession, openMapper } from "../maps/map-session.node.ts";
import { readModel } from "../read-model.node.ts";
import { inferenceGraph, type SegmenterConfig } from "./head.ts";
import { segmenterFile } from "./model-file.ts";

export type SegmenterSession = MapSession<SegmenterConfig>;

/** Read a segmenter's file. @throws SkySenseError `NO_CONFIG` and those of `openWeights` */
export function readSegmenter(path: string): { config: SegmenterConfig; weights: Weights } {
  return readModel(path, segmenterFile);
}

/** Make a segmenter ready. */
export function openSegmenter(
  model: { config: SegmenterConfig; weights: Weights },
  options: { threads?: number | undefined; device?: Device | "auto" | undefined } = {},
): SegmenterSession {
  return openMapper(model, { ...options, graph: inferenceGraph });
}
