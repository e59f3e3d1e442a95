import { type PredictedScene, type PredictSceneOptions, predictScene } from "../maps/predict-scene.node.ts";
import { openChangeDetector, readChangeDetector } from "./change-session.node.ts";
import { datesAsBands } from "./two-dates.ts";
import { type ChangeOutputs, writeChangeOutputs } from "./write-outputs.node.ts";

export interface PredictOptions extends PredictSceneOptions {
  /** Paths or URLs: one file, or one for each band. */
  before: readonly string[];
  after: readonly string[];
}

/** What {@link predictChange} wrote. */
export interface PredictResult extends ChangeOutputs, PredictedScene {}

/**
 * Map what changed between two images of any size: a map with colours, the probability of change, polygons, hectares and
 * a report. Both lie on the grid of the first, or of the finer one; what one date does not show is left empty.
 *
 * @returns undefined on all processes but the first
 * @throws SkySenseError those of `predictScene` (`MIXED_CRS` | `NO_OVERLAP` | `SIZE_MISMATCH` …) and `readChangeDetector`
 */
export function predictChange(options: PredictOptions): Promise<PredictResult | undefined> {
  const { model, before, after, command = "" } = options;
  return predictScene(
    {
      images: [before, after],
      phase: "compare",
      open: (runtime) => openChangeDetector(readChangeDetector(model), runtime),
      picture: ({ sensors: [one] }) => datesAsBands(one!.sensor, one!.bands),
      write: (scored, opened, choices) =>
        writeChangeOutputs(scored, opened, { ...choices, before, after, model, command }),
    },
    options,
  );
}
