import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { SensorName } from "../../core/place.ts";
import type { LongCall } from "../../core/progress.ts";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import { blendScene, type EmbedCommunicator } from "../../embed/blend-scene.node.ts";
import { fingerprintOf } from "../../embed/compute-features.node.ts";
import { withLock } from "../../embed/lock.node.ts";
import { software } from "../../embed/software.ts";
import { noneJudged } from "../../evaluate/none-judged.ts";
import { type OpenSceneOptions, openScene } from "../../imagery/scene/open-scene.node.ts";
import type { Scene } from "../../imagery/scene/scene.ts";
import type { Device } from "../../runtime/session.ts";
import type { PolygonFormat } from "../maps/map-files.node.ts";
import { statesOf } from "../maps/map-scene.node.ts";
import { type MapOutputs, writeMapOutputs } from "../maps/write-outputs.node.ts";
import { sensorAbsent } from "./choose-images.ts";
import type { SeriesConfig } from "./head.ts";
import { classifyPlaces } from "./judge.node.ts";
import { tileCells, type WindowOptions } from "./map-place.node.ts";
import { openSeriesModel, readSeriesModel, type SeriesSession } from "./series-session.node.ts";

export interface PredictOptions extends LongCall, WindowOptions {
  /** What `finetune` wrote. */
  model: string;
  /** Files of all sensors and dates of one place, paths or URLs. */
  files: readonly string[];
  /** Folder for the outputs. */
  out: string;
  /** What the files do not say themselves. */
  scene?: OpenSceneOptions;
  /** Whose images are looked at. Default: those that the model learnt from. */
  sensors?: readonly SensorName[] | undefined;
  /** Images of a sensor, at most, evenly chosen. Default: as the model learnt. */
  dates?: number | undefined;
  /** Of maps. Default "geojson". */
  polygons?: PolygonFormat;
  /** Smaller regions get no polygon. Default 4. */
  minPixels?: number;
  device?: Device | "auto";
  communicator?: (EmbedCommunicator & { localSize: number }) | undefined;
  /** What the report shows as the command. */
  command?: string;
}

/** What was looked at. */
interface Looked {
  sensors: readonly { sensor: SensorName; dates: number }[];
  warnings: readonly string[];
}

/** What {@link predictSeries} wrote: a map of the place, or its classes. */
export type PredictResult = Looked &
  (
    | (MapOutputs & { kind: "map"; width: number; height: number; resumedRows: number })
    | { kind: "classes"; classes: readonly { name: string; probability: number }[]; files: { classes: string } }
  );

/**
 * Say what a place of any sensors and dates is. A model that draws maps writes a class map of its cells with colours,
 * confidence, polygons, hectares of each class and a report; another one writes the classes of the place with their
 * probabilities. An interrupted run goes on when it is called again.
 *
 * @returns undefined on all processes but the first
 * @throws SkySenseError those of `openScene` and `readSeriesModel`; `SENSOR_ABSENT` | `BAD_WINDOW` | `FOLDER_BUSY` |
 *   `DISK_FULL` | `NOT_WRITABLE`
 */
export async function predictSeries(options: PredictOptions): Promise<PredictResult | undefined> {
  const { model, communicator, device, out } = options;
  const threads = Math.max(1, Math.floor(availableParallelism() / (communicator?.localSize ?? 1)));
  const session = openSeriesModel(readSeriesModel(model), { threads, device });
  const first = communicator === undefined || communicator.rank === 0;
  try {
    if (session.config.answer !== "map") return first ? await predictClasses(session, options) : undefined;
    const work = join(out, ".skysense-timeseries");
    const run = () => predictMap(session, work, options);
    return await (first ? withLock(work, run) : run());
  } finally {
    await session.release();
    session.weights.close();
  }
}

async function predictMap(
  session: SeriesSession,
  work: string,
  options: PredictOptions,
): Promise<PredictResult | undefined> {
  const { files, out, model, communicator, signal, onProgress, command = "" } = options;
  const { polygons = "geojson", minPixels = 4 } = options;
  const { config } = session;
  const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const scene = await openFor(config, options);
  try {
    const { width, height } = scene.grid;
    const sensors = scene.sensors.map(({ sensor }) => sensor);
    const dates = Object.fromEntries(scene.sensors.map((one) => [one.sensor, one.dates.length]));
    const { tiling, window, overlap, batch } = tileCells(config, { width, height, dates }, options);
    const scores = await blendScene({
      ...{ scene, tiling, batch, channels: config.classes.length, phase: "map", work, communicator },
      read: (cells) => scene.read(cells, { sensors, ...(signal && { signal }) }),
      compute: (places) => session.scores(places, { signal }),
      fingerprint: fingerprintOf([
        await statesOf(files),
        ...[options.scene, sensors, dates, window, overlap, await session.weights.sha256(), software],
      ]),
      ...abort,
    });
    if (communicator !== undefined && communicator.rank > 0) return undefined;
    const written = await writeMapOutputs(
      scores,
      { scene, pixels: scene.grid },
      {
        // Cells are the pixels of the map, as they are of Sentinel images; those that nothing shows have no scores.
        config: { ...config, sensor: "s2", bands: [] },
        ...{
          task: "time series",
          image: files.join(", "),
          model,
          out,
          work,
          masked: false,
          polygons,
          minPixels,
          command,
        },
        windows: { window, overlap },
        ...abort,
      },
    );
    await rm(work, { recursive: true, force: true });
    return { ...written, ...lookedAt(scene), kind: "map", width, height, resumedRows: scores.resumedRows };
  } finally {
    await scene.close();
  }
}

/** The scene of the place, of the sensors that are looked at alone. */
async function openFor(
  config: SeriesConfig,
  { files, scene: said = {}, sensors = config.sensors, dates = config.dates, signal }: PredictOptions,
): Promise<Scene> {
  const scene = await openScene(files, { maxDates: dates, ...said, ...(signal && { signal }) });
  const chosen = scene.sensors.filter(({ sensor }) => sensors.includes(sensor) && config.sensors.includes(sensor));
  if (chosen.length > 0) return { ...scene, sensors: chosen };
  await scene.close();
  throw sensorAbsent(
    scene.sensors.map(({ sensor }) => sensor),
    { sensors, where: files.join(", ") },
  );
}

async function predictClasses(session: SeriesSession, options: PredictOptions): Promise<PredictResult> {
  const { files, out, scene: said = {}, sensors, dates, signal, onProgress } = options;
  const { config } = session;
  const scene = await openFor(config, options); // for what is said about the files
  await scene.close();
  const { signal: _, ...rest } = said;
  const choice = { sensors: sensors ?? config.sensors, dates: dates ?? config.dates };
  const items = [{ id: files.join(", "), source: { files, options: rest } }];
  const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const { predictions, failures } = await classifyPlaces(session, items, { choice, ...abort });
  const [found] = predictions;
  if (found === undefined) throw noneJudged(failures);
  const classes = Array.from(found.probabilities, (probability, k) => ({
    name: config.classes[k]!.name,
    probability,
  }));
  classes.sort((a, b) => b.probability - a.probability);
  const path = join(out, "classes.json");
  await writeAtomic(path, `${JSON.stringify({ files, ...lookedAt(scene), classes, software }, null, 2)}\n`);
  return { ...lookedAt(scene), kind: "classes", classes, files: { classes: path } };
}

function lookedAt({ sensors, warnings }: Scene): Looked {
  return { sensors: sensors.map(({ sensor, dates }) => ({ sensor, dates: dates.length })), warnings };
}
