import type { SourceDescription } from "../imagery/out/description.ts";
import { type Footprint, footprint } from "../imagery/out/footprint.ts";
import { locationOf } from "../imagery/scene/crs.ts";
import { describe } from "../imagery/scene/describe.ts";
import { type GroupedDecision, groupDecisions } from "../imagery/scene/group-decisions.ts";
import type { Decision, Scene } from "../imagery/scene/scene.ts";
import { profiles } from "../imagery/sensor/profiles.ts";
import type { SensorReport } from "../report/embed-report.ts";
import type { Finding } from "../report/findings.ts";

/** What outputs say of a scene. */
export function sourcesOf({ sensors, decisions }: Scene): SourceDescription[] {
  return sensors.map(({ sensor, files, bands, units, dates, gsdMetres }) => ({
    sensor,
    files,
    bands,
    unit: units,
    dates,
    ...(gsdMetres !== undefined && { gsdMetres }),
    decisions: sentences(decisions.filter(({ sensor: about = sensor }) => about === sensor)),
  }));
}

/** One sentence for all files of which the same was found in the same way. */
function sentences(decisions: readonly Decision[]): string[] {
  const filesOf = new Map<string, string[]>();
  for (const { what, from, file } of decisions) {
    const text = `${what} (${from})`;
    filesOf.set(text, [...(filesOf.get(text) ?? []), ...(file === undefined ? [] : [fileName(file)])]);
  }
  return [...filesOf].map(([text, files]) => {
    if (files.length === 0) return text;
    return `${files[0]}${files.length > 1 ? ` and ${files.length - 1} more` : ""}: ${text}`;
  });
}

/** What reports show of a scene: its sensors, and what was found of it as a whole. */
export async function sceneReport(
  scene: Scene,
  abort: { signal?: AbortSignal },
): Promise<{ sensors: SensorReport[]; findings: Finding[] }> {
  const { sensors, decisions } = await describe(scene, abort);
  const grouped = groupDecisions(decisions);
  return {
    sensors: sensors.map(({ sensor, files, units, dates, gsdMetres, masked, bands }) => ({
      name: sensor,
      files,
      unit: units.files,
      dates,
      ...(gsdMetres !== undefined && { gsdMetres }),
      findings: grouped.filter((decision) => decision.sensor === sensor).map(finding),
      bands: bands.map(({ name, raw, normalised }) => ({ name, raw, normalised, valid: 1 - masked })),
    })),
    findings: grouped.filter((decision) => decision.sensor === undefined).map(finding),
  };
}

function finding({ what, from, files, each }: GroupedDecision): Finding {
  return { what, from, files: files.map(fileName), each: sentences(each) };
}

/** The outline of a window of cells in longitude and latitude, or in cells without georeference. */
export function footprintOf({ grid, location }: Scene, window: readonly [number, number, number, number]): Footprint {
  const toLonLat = (position: readonly [number, number]) => {
    const at = locationOf(grid, position);
    return [at?.longitude ?? Number.NaN, at?.latitude ?? Number.NaN] as const;
  };
  return footprint({ transform: [1, 0, 0, 0, 1, 0], window, ...(location && { toLonLat }) });
}

export function titleOf({ sensors }: Scene): string {
  const files = sensors.flatMap((sensor) => sensor.files);
  return `${fileName(files[0]!)}${files.length > 1 ? ` and ${files.length - 1} more` : ""}`;
}

/** What the picture beside the features shows. */
export function pictureTitle({ sensors }: Scene): string {
  const { sensor, dates } = sensors[0]!;
  const title = profiles[sensor].title.replace(/ \(.*\)$/, "");
  const known = dates.filter((date) => date !== undefined).map((date) => date.slice(0, 10));
  if (known.length === 0) return dates.length > 1 ? `${title}, composite of ${dates.length} dates` : title;
  return known.length === 1 ? `${title}, ${known[0]}` : `${title}, composite of ${known[0]} … ${known.at(-1)}`;
}

function fileName(path: string): string {
  return path.split(/[\\/]/).at(-1)!;
}
