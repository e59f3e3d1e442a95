import type { Place } from "../../core/place.ts";
import { locationOf } from "./crs.ts";
import { withKeptScene } from "./kept-scenes.node.ts";
import { type OpenSceneOptions, openScene } from "./open-scene.node.ts";
import { checkInside, type PlaceFiles } from "./place-files.node.ts";
import type { Scene } from "./scene.ts";

/** Read a place or a patch of it as a scene; see `readPlaceSource`. */
export function readScene(source: PlaceFiles, { signal }: { signal?: AbortSignal }): Promise<Place> {
  return withSceneOf(source, { signal, keep: source.window !== undefined }, (scene) =>
    readPatch(scene, source, { signal }),
  );
}

/**
 * Use a place's scene, whose cells are Sentinel pixels, or HR pixels where HR is alone.
 *
 * @param options.keep  whether it stays open for a while; see `withKeptScene`
 * @throws SkySenseError as `openScene`, and what `use` throws
 */
export function withSceneOf<T>(
  { files, options: given = {} }: PlaceFiles,
  { signal, keep }: { signal?: AbortSignal | undefined; keep: boolean },
  use: (scene: Scene) => Promise<T>,
): Promise<T> {
  const open = keep ? withKeptScene : withScene;
  const options = { ...given, ...(onlyHr(given) && { hrPixelsPerCell: 1 }), ...(signal && { signal }) };
  return open(files, options, (scene) =>
    // What a file is may be known only after it was opened.
    scene.hrPixelsPerCell !== 1 && scene.sensors.every(({ sensor }) => sensor === "hr")
      ? open(files, { ...options, hrPixelsPerCell: 1 }, use)
      : use(scene),
  );
}

/** Read a patch of a scene, or all of it, with the location of its centre. @throws SkySenseError `WINDOW_OUTSIDE` */
export async function readPatch(
  scene: Scene,
  { files, window }: Pick<PlaceFiles, "files" | "window">,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Place> {
  const { grid } = scene;
  const reading = signal && { signal };
  if (window === undefined) return scene.read([0, 0, grid.width, grid.height], reading);
  checkInside(window, grid, files.join(", "));
  const place = await scene.read(window, reading);
  const [col, row, width, height] = window;
  const location = locationOf(grid, [col + width / 2, row + height / 2]) ?? place.location;
  return { ...place, ...(location && { location }) };
}

function onlyHr({ sensor, hr, s2, s1 }: OpenSceneOptions): boolean {
  return sensor === "hr" || (sensor === undefined && hr !== undefined && s2 === undefined && s1 === undefined);
}

async function withScene<T>(
  files: readonly string[],
  options: OpenSceneOptions,
  use: (scene: Scene) => Promise<T>,
): Promise<T> {
  const scene = await openScene(files, options);
  try {
    return await use(scene);
  } finally {
    await scene.close();
  }
}
