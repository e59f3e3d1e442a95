import { type SensorName, sensorNames } from "../core/place.ts";
import type { Skipped } from "../evaluate/index-recipes.ts";
import type { Survey } from "./index-found.ts";

/** What a list of places holds, and what was left out of it. */
export interface IndexSummary {
  places: number;
  /** Places by the sensors that they have: "hr", "s2+s1", … */
  bySensors: Record<string, number>;
  /** Images of a place, fewest and most, and how many of all have a date. */
  images: { [sensor in SensorName]?: { least: number; most: number; all: number; dated: number } };
  /** Places whose location is known. */
  located: number;
  /** Items that are kept for tables. */
  heldOut: number;
  /** Patches of larger scenes without data, or on which nothing is to be seen. */
  empty: number;
  flat: number;
  skipped: readonly Skipped[];
}

export function summarise({ places, ...left }: Survey, heldOut: number): IndexSummary {
  const bySensors: IndexSummary["bySensors"] = {};
  const images: IndexSummary["images"] = {};
  for (const { sensors } of places) {
    const set = sensors.map(({ sensor }) => sensor).join("+");
    bySensors[set] = (bySensors[set] ?? 0) + 1;
    for (const one of sensors) {
      const all = images[one.sensor] ?? { least: one.images, most: 0, all: 0, dated: 0 };
      images[one.sensor] = {
        least: Math.min(all.least, one.images),
        most: Math.max(all.most, one.images),
        all: all.all + one.images,
        dated: all.dated + one.dated,
      };
    }
  }
  const located = places.filter(({ location }) => location !== undefined).length;
  return { places: places.length, bySensors, images, located, heldOut, ...left };
}

/** Skipped files that are named one by one. */
const named = 20;

/** The summary for people, a line each. */
export function formatSummary(summary: IndexSummary): string {
  const { places, bySensors, images, located, heldOut, empty, flat, skipped } = summary;
  const sets = Object.entries(bySensors).sort(([, a], [, b]) => b - a);
  const lines = [`${places} places`, ...sets.map(([set, count]) => `  ${set.padEnd(8)} ${count}`)];
  for (const sensor of sensorNames) {
    const one = images[sensor];
    if (one === undefined) continue;
    const many = one.least === one.most ? `${one.most}` : `${one.least} to ${one.most}`;
    lines.push(
      `${sensor}: ${many} date${one.most === 1 ? "" : "s"} a place; ${one.dated} of ${one.all} images dated`,
    );
  }
  lines.push(`location known of ${located}, unknown of ${places - located}`);
  if (heldOut > 0) lines.push(`${heldOut} items left out: they are kept for tables`);
  if (empty > 0) lines.push(`${empty} patches left out: without data`);
  if (flat > 0) lines.push(`${flat} patches left out: nothing is to be seen on them`);
  if (skipped.length > 0) lines.push(`${skipped.length} skipped:`);
  for (const { id, reason } of skipped.slice(0, named)) lines.push(`  ${id}: ${reason}`);
  if (skipped.length > named) lines.push(`  … and ${skipped.length - named} more`);
  return lines.join("\n");
}
