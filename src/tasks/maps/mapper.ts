import type { EncoderConfig } from "../../model/encoder.ts";
import type { MapClass } from "./classes.ts";

/** What every model is that gives pixels classes: an encoder and some head. */
export interface MapperConfig extends EncoderConfig {
  /** Side of the crops that it learnt from, in pixels. */
  size: number;
  classes: readonly MapClass[];
}

/**
 * Pixels along a side that get one vector of scores before these are interpolated: a patch of HR images. Sentinel
 * images, of which single pixels matter, are interpolated within the graph.
 */
export function stride({ sensor, model }: Pick<MapperConfig, "sensor" | "model">): number {
  return sensor === "hr" ? model.hr!.patch : 1;
}
