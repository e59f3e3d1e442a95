import { SkySenseError } from "../../core/error.ts";
import { type Tiling, tileScene } from "../../embed/tiling.ts";
import { encoderStep, type MapperConfig, stride } from "./mapper.ts";

/** How a scene is cut, in pixels; both have defaults. */
export interface WindowOptions {
  /** Side of what the model sees at once. Default: 512, or more where it learnt from larger crops. */
  window?: number | undefined;
  /** Pixels that neighbouring windows share, at least. Default a quarter of the window. */
  overlap?: number | undefined;
}

/**
 * Cut a field of [width, height] cells of `stride` pixels into windows whose weights add up to one at every cell.
 * @throws SkySenseError `BAD_WINDOW`
 */
export function tileField(
  config: MapperConfig,
  { width, height }: { width: number; height: number },
  { window, overlap }: WindowOptions = {},
): { tiling: Tiling; window: number; overlap: number } {
  const step = encoderStep(config);
  const side = window ?? Math.ceil(Math.max(config.sensor === "hr" ? 512 : 64, config.size) / step) * step;
  const shared = overlap ?? Math.floor(side / 4);
  if (side < step || side % step !== 0 || shared < 0 || 2 * shared > side) {
    throw new SkySenseError({
      code: "BAD_WINDOW",
      what: `windows of ${side} pixels that share ${shared} do not suit the encoder, whose windows repeat every ${step}`,
      remedy: `Choose a multiple of ${step} as --window, and at most half of it as --overlap.`,
    });
  }
  const advance = Math.max(step, Math.floor((side - shared) / step) * step);
  const cells = stride(config);
  const options = {
    window: side / cells,
    overlap: (side - advance) / cells,
    period: step / cells,
    // As in `chooseWindows`: the Swin encoder sees less of its surroundings near a window's end.
    falloff: config.sensor === "hr" ? 3 : 1,
  };
  return { tiling: tileScene({ width, height, ...options }), window: side, overlap: side - advance };
}
