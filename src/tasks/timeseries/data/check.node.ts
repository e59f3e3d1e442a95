import { countLabels } from "../../../train/data/label-map.ts";
import { readSample } from "../../../train/data/read-sample.node.ts";
import type { DataCheck } from "../../check/checked-set.ts";
import { divideDated } from "./dated-set.ts";
import { isDatedPlace } from "./index-set.node.ts";
import { hasDatedPlaces, type OpenDatedSetOptions, openDatedSet } from "./open-dated-set.node.ts";

export interface DatedCheckOptions extends Pick<OpenDatedSetOptions, "subset" | "fold"> {
  valShare?: number | undefined;
  seed: number;
}

/** Places with images of several sensors and dates, and maps or classes of them. */
export const timeseriesCheck: DataCheck<DatedCheckOptions> = {
  task: "timeseries",
  claims: ({ files, index }) =>
    index === undefined
      ? hasDatedPlaces(files)
      : index.some((item) => isDatedPlace(item) || Array.isArray(item.samples)),
  async open(path, { subset, fold, valShare, seed, onFault }) {
    const set = await openDatedSet(path, { subset, fold, onFault });
    const { name, layout, answer, notes = [] } = set;
    return {
      ...{ name, layout, notes, unit: answer === "map" ? "pixels" : "places", noun: "place", dated: true },
      classes: set.classes.map((one) => one.name),
      items: set.items.map(({ id, split, source, labels, labelMap }) => ({
        ...{ id, split },
        file: "files" in source && source.files.length === 1 ? source.files[0] : undefined,
        async read() {
          const place = await readSample(source, labelMap);
          if (place.labelMap !== undefined) return { place, ...countLabels(place.labelMap, set.classes.length) };
          return { place, counts: set.classes.map((_, k) => Number(labels.includes(k))) };
        },
      })),
      divide() {
        const { train, val } = divideDated(set, { valShare, seed });
        return { train: new Set(train.map(({ id }) => id)), val: new Set(val.map(({ id }) => id)) };
      },
    };
  },
};
