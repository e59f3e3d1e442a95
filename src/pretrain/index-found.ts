import type { Location, SensorName } from "../core/place.ts";
import type { Candidate, Skipped } from "../evaluate/index-recipes.ts";
import type { PlaceLine } from "../evaluate/place-line.ts";

/** A place that may be listed, once its files were opened; they are relative to `folder`. */
export type FoundPlace = Candidate & { folder: string };

/** What was found in a folder before the images were looked at. */
export interface Found {
  places: FoundPlace[];
  /** Items that are kept for tables. */
  heldOut: number;
  skipped: Skipped[];
}

/** A line of the list, with absolute paths, and what it holds. */
export interface SurveyedPlace {
  line: PlaceLine & { id: string };
  sensors: SensorDates[];
  location: Location | undefined;
}

export interface SensorDates {
  sensor: SensorName;
  /** Images, and how many of them have a known date. */
  images: number;
  dated: number;
}

/** What looking at the images gave. */
export interface Survey {
  places: SurveyedPlace[];
  /** Patches of larger scenes that are left out. */
  empty: number;
  flat: number;
  skipped: Skipped[];
}

export function nothing(): Survey {
  return { places: [], empty: 0, flat: 0, skipped: [] };
}

export function joinSurveys(surveys: readonly Survey[]): Survey {
  return {
    places: surveys.flatMap(({ places }) => places),
    empty: surveys.reduce((sum, { empty }) => sum + empty, 0),
    flat: surveys.reduce((sum, { flat }) => sum + flat, 0),
    skipped: surveys.flatMap(({ skipped }) => skipped),
  };
}
