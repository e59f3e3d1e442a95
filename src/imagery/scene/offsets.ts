import { dayOf } from "../sensor/dates.ts";
import { refusal } from "../sensor/description.ts";
import type { InspectedFile } from "./inspect-file.ts";
import type { Decision } from "./scene.ts";

/** ESA adds 1000 to the numbers of Sentinel-2 since processing baseline 04.00. */
const since = "2022-01-25";

/**
 * The darkest per cent of the darkest band lies here when 1000 was added: water, shadow and the bands that water
 * vapour blocks reflect next to nothing. Without it, it is far lower; above, the scene has no dark pixel and cannot
 * tell. (TerraMesh: 1005 to 1123 with the offset, 1 to 418 without.)
 */
const suspicious = { from: 850, to: 1500 };

/** Bands that are dark somewhere in nearly any scene; a file of near infrared alone can be bright all over. */
const darkBands = new Set(["B01", "B02", "B03", "B04", "B05", "B10", "B11", "B12"]);

interface Group {
  files: Set<InspectedFile>;
  darkest: number;
  hint: string | undefined;
}

/**
 * Find Sentinel-2 files whose numbers still have the +1000, where nobody said how that is. Files of one day are
 * looked at together, since a file may have bright bands only; a series within a file in two parts, before and since
 * the change.
 *
 * @throws SkySenseError `OFFSET_NOT_APPLIED`
 */
export function checkOffsets(files: readonly InspectedFile[]): { decisions: Decision[]; warnings: string[] } {
  const decisions: Decision[] = [];
  const warnings: string[] = [];
  for (const { files: members, darkest, hint } of groupsOf(files)) {
    const [first] = members;
    const file = first!.layer.raster.path;
    const bands = new Set([...members].flatMap(({ layer }) => layer.layout.slots.map(({ band }) => band)));
    const value = darkest.toFixed(0);
    if (!(darkest >= suspicious.from) || ![...bands].some((band) => darkBands.has(band))) {
      if (hint !== undefined && darkest < suspicious.from) {
        decisions.push({ file, what: "no offset left in the numbers", from: `${hint}, but values down to ${value}` });
      }
    } else if (darkest <= suspicious.to) {
      throw refusal({
        code: "OFFSET_NOT_APPLIED",
        what:
          `hardly a value lies below ${value}${hint === undefined ? "" : ` (${hint})`}, as if the +1000 of Sentinel-2 ` +
          "products since processing baseline 04.00 were still in",
        where: file,
        sensor: "s2",
        fields: { offset: -1000 },
        alternative: '"offset": 0 if the scene is that bright',
      });
    } else if (hint !== undefined) {
      warnings.push(
        `${file}: ${hint}, and no dark pixel shows whether the +1000 was taken off; say "offset": -1000 or 0`,
      );
    }
  }
  return { decisions, warnings };
}

function groupsOf(files: readonly InspectedFile[]): Group[] {
  const groups = new Map<string, Group>();
  for (const file of files) {
    if (file.offsetStated) continue;
    const single = file.layer.layout.dates.length === 1;
    for (const { date, value } of file.darkest) {
      if (Number.isNaN(value)) continue;
      const late = date !== undefined && dayOf(date) >= since;
      const key = single ? `day ${date === undefined ? "" : dayOf(date)}` : `${file.layer.raster.path} ${late}`;
      const group = groups.get(key) ?? { files: new Set(), darkest: Number.POSITIVE_INFINITY, hint: undefined };
      group.files.add(file);
      group.darkest = Math.min(group.darkest, value);
      group.hint ??= baselineOf(file) ?? (late ? `date ${dayOf(date)}` : undefined);
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

/** What the product's name or metadata say of a baseline with the offset. */
function baselineOf({ layer: { raster } }: InspectedFile): string | undefined {
  const { path, metadata } = raster;
  const named = /_N0([4-9]\d\d)_/.exec(`${path} ${Object.values(metadata).join(" ")}`)?.[1];
  if (named !== undefined) return `N0${named} in the product's name`;
  const stated = Object.entries(metadata).find(([key]) => /PROCESSING_BASELINE/i.test(key))?.[1];
  return stated !== undefined && Number(stated) >= 4 ? `processing baseline ${stated}` : undefined;
}
