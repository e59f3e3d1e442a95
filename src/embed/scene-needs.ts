import { modelBands } from "../imagery/sensor/profiles.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import { pixelsPerCell } from "./prepare.ts";

/** What a model wants of a scene: options of `openScene`. */
export function sceneNeeds(config: SkySenseConfig) {
  if (config.hr === undefined) return {};
  return {
    hrPixelsPerCell: pixelsPerCell(config, "hr"),
    keepBands: { hr: modelBands("hr").slice(0, config.hr.bands) },
  };
}
