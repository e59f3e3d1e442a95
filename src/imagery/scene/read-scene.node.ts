import type { Place } from "../../core/place.ts";
import { locationOf } from "./crs.ts";
import { withKeptScene } from "./kept-scenes.node.ts";
import { type OpenSceneOptions, openScene } from "./open-scene.node.ts";
import { checkInside, type PlaceFiles } from "./place-files.node.ts";
import type { Scene } from "./scene.ts";

/** Read a place or a patch of it as a scene; see `readPlaceSource`. */
export async function readScene(source: PlaceFiles, { signal }: { signal?: AbortSignal }): Promise<Place> {
  const { window, files, options: given = {} } = source;
  const use = window === undefined ? withScene : withKeptScene;
  const options = { ...given, ...(onlyHr(given) && { hrPixelsPerCell: 1 }) };
  const read = (scene: Scene) => readPatch(scene, source, signal);
  return use(files, { ...options, signal }, (scene) =>
    // What a file is may be known only after it was opened.
    scene.hrPixelsPerCell !== 1 && scene.sensors.every(({ sensor }) => sensor === "hr")
      ? use(files, { ...options, hrPixelsPerCell: 1, signal }, read)
      : read(scene),
  );
}

async function readPatch(
  scene: Scene,
  { files, window }: PlaceFiles,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const { grid } = scene;
  if (window === undefined) return scene.read([0, 0, grid.width, grid.height], { signal });
  checkInside(window, grid, files.join(", "));
  const place = await scene.read(window, { signal });
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
