import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { DenseSample, DenseSet } from "../../../evaluate/dense-set.ts";
import { indexFile } from "../../../evaluate/index-file.node.ts";
import { placesOfIndex } from "../../../evaluate/index-recipes.ts";
import { parsePlaceLine } from "../../../evaluate/place-list.node.ts";
import type { OpenSceneOptions } from "../../../imagery/scene/open-scene.node.ts";
import { readLabelled } from "../../../train/data/read-sample.node.ts";
import { maskIndex, tableOfIndex } from "../../maps/mask-index.ts";

/**
 * Open a set of places with a class for every pixel: a folder with an `index.json`, whose items have images of any
 * sensors, in the words of `placesOfIndex`, `mask` or `label`, and maybe `group`, `split` and `location`. Nothing is
 * read but the index.
 *
 * @param options.needs  what the model needs of every place: see `sceneNeeds`
 * @param options.subset  which one, where an index holds several
 * @throws SkySenseError `FILE_UNREADABLE` | `BAD_INDEX`, and those of `tableOfIndex`
 */
export async function openDenseSet(
  path: string,
  { needs, subset }: { needs: OpenSceneOptions; subset?: string | undefined },
): Promise<DenseSet> {
  const { where, bad, read, check } = indexFile(path, example);
  const json = await read();
  if (json === undefined) throw bad("it is not there");
  const index = check(json, maskIndex);
  const { classes, coding } = tableOfIndex(index, { subset, where });
  const name = index.name ?? basename(resolve(path));
  const items = index.items.filter((item) => subset === undefined || item.dataset === subset);
  const samples = items.flatMap((item): DenseSample[] => {
    const mask = item.mask ?? item.label;
    const place = placesOfIndex([item], { ...index, name }).places[0];
    if (mask === undefined || place === undefined) return [];
    const { otherwise: _, ...line } = { ...place, ...(item.location !== undefined && { location: item.location }) };
    const { id, source } = parsePlaceLine(JSON.stringify(line), { folder: path, where });
    const file = resolve(path, mask);
    return [
      {
        id,
        group: typeof item.group === "string" ? item.group : id,
        split: item.split,
        async stamp() {
          const stats = await Promise.all([...source.files, file].map((one) => stat(one).catch(() => undefined)));
          return stats.map((s) => (s === undefined ? "" : `${s.size} ${s.mtimeMs}`)).join(" ");
        },
        async read({ signal } = {}) {
          const options = { ...source.options, ...needs };
          return readLabelled({ ...source, options }, { file, coding }, { signal });
        },
      },
    ];
  });
  if (samples.length === 0) throw bad("no item has images and a mask");
  return {
    name: subset === undefined ? name : `${name}: ${subset}`,
    path,
    classes: classes.map((c) => c.name),
    samples,
  };
}

const example =
  '{"classes": ["land", "water"], "items": [{"file": "images/1.png", "mask": "masks/1.png", "group": "Africa"}]}';
