import { SkySenseError } from "../core/error.ts";
import { type Place, sensorNames } from "../core/place.ts";
import { createRandom } from "../core/random.ts";

/** One labelled place of a data set; its images are read when asked for. */
export interface Sample {
  /** Unique in its set: the path below the set's folder, or the name of a series. */
  id: string;
  /** Positions among the set's classes; exactly one, unless the set is multi-label. */
  labels: readonly number[];
  /** "train", "val", "test" or another word, where the set says so. */
  split: string | undefined;
  /** The image below the set's folder, where it is one file. */
  file?: string;
  /** Changes when the images do. */
  stamp(): Promise<string>;
  /** @throws SkySenseError what is wrong with the images */
  read(options?: { signal?: AbortSignal | undefined }): Promise<Place>;
}

export interface LabelledSet {
  name: string;
  /** Folder or file, for messages. */
  path: string;
  classes: readonly string[];
  multiLabel: boolean;
  samples: readonly Sample[];
  /** In words: "a folder for each class". */
  layout?: string;
}

/** What is learnt from and what is judged; the two share no sample. */
export interface Parts {
  train: readonly Sample[];
  test: readonly Sample[];
}

/**
 * Divide a set. Where it has splits, "train" is learnt from and "val" (where there is none, "test") is judged; with a
 * ratio, that share of all items of each class is drawn from "train". A set without splits, or with nothing to judge,
 * needs the ratio: the rest is judged. Multi-label sets are drawn as a whole, since an item is in several classes.
 *
 * @param options.trainRatio  share of each class's items, 0 to 1, rounded, at least one item
 * @throws SkySenseError `NO_SPLIT` | `CLASS_TOO_SMALL`
 */
export function divide(
  set: LabelledSet,
  { trainRatio, seed }: { trainRatio?: number | undefined; seed: number },
): Parts {
  const of = (split: string) => set.samples.filter((sample) => sample.split === split);
  const judged = of("val").length > 0 ? of("val") : of("test");
  const learnt = judged.length > 0 ? of("train") : set.samples;
  if (trainRatio === undefined) {
    if (judged.length > 0 && learnt.length > 0) return { train: learnt, test: judged };
    throw new SkySenseError({
      code: "NO_SPLIT",
      what: "the set does not say which items are learnt from and which are judged",
      where: set.path,
      remedy: "Give the share to learn from as --train-ratio 0.5, or two folders as --train and --test.",
    });
  }
  const among = new Set(learnt);
  const groups = new Map<string, { all: number; learnt: Sample[] }>();
  const groupOf = ({ labels }: Sample) => (set.multiLabel ? "every class" : set.classes[labels[0]!]!);
  for (const sample of set.samples) {
    const name = groupOf(sample);
    const group = groups.get(name) ?? { all: 0, learnt: [] };
    groups.set(name, group);
    group.all++;
    if (among.has(sample)) group.learnt.push(sample);
  }
  const drawn = new Set<Sample>();
  for (const [name, group] of groups) {
    const count = Math.max(1, Math.round(trainRatio * group.all));
    const spare = judged.length > 0 ? 0 : 1;
    if (count + spare > group.learnt.length) {
      throw new SkySenseError({
        code: "CLASS_TOO_SMALL",
        what:
          `${count} of the ${group.all} items of ${name} are to be learnt from` +
          `${spare === 1 ? " and at least one judged" : ""}, but ${group.learnt.length} can be`,
        where: set.path,
        remedy: "Lower --train-ratio, leave small classes out by --min-per-class, or add images.",
      });
    }
    for (const sample of createRandom(seed, "split", name)
      .shuffle([...group.learnt])
      .slice(0, count))
      drawn.add(sample);
  }
  const train = set.samples.filter((sample) => drawn.has(sample));
  return { train, test: judged.length > 0 ? judged : set.samples.filter((sample) => !drawn.has(sample)) };
}

/** The set without classes of fewer than `least` items. Labels of multi-label items are dropped, not the items. */
export function withoutSmallClasses(set: LabelledSet, least: number): LabelledSet {
  const counts = set.classes.map((_, k) => set.samples.filter(({ labels }) => labels.includes(k)).length);
  const kept = set.classes.flatMap((_, k) => (counts[k]! >= least ? [k] : []));
  const position = new Map(kept.map((k, i) => [k, i]));
  const samples = set.samples.flatMap((sample) => {
    const labels = sample.labels.flatMap((k) => position.get(k) ?? []);
    return labels.length === 0 && !set.multiLabel ? [] : [{ ...sample, labels }];
  });
  return { ...set, classes: kept.map((k) => set.classes[k]!), samples };
}

/** The set with images that stay in memory once they were read, as long as they fit into `bytes` together. */
export function keptInMemory(set: LabelledSet, bytes: number): LabelledSet {
  let left = bytes;
  const samples = set.samples.map((sample): Sample => {
    let kept: Place | undefined;
    return {
      ...sample,
      async read(options) {
        if (kept !== undefined) return kept;
        const place = await sample.read(options);
        const size = sensorNames.reduce((sum, sensor) => sum + (place[sensor]?.data.byteLength ?? 0), 0);
        if (size > left) return place;
        left -= size;
        kept = place;
        return place;
      },
    };
  });
  return { ...set, samples };
}

/**
 * Two sets as what is learnt from and what is judged, by the names of their classes. Of a set with splits only its
 * "train" or its "val" and "test" items are taken.
 *
 * @throws SkySenseError `UNKNOWN_CLASS` | `PARTS_OVERLAP`
 */
export function join(train: LabelledSet, test: LabelledSet): { set: LabelledSet; parts: Parts } {
  const unknown = test.classes.find((name) => !train.classes.includes(name));
  if (unknown !== undefined || train.multiLabel !== test.multiLabel) {
    throw new SkySenseError({
      code: "UNKNOWN_CLASS",
      what:
        unknown === undefined
          ? "one of the two sets has one class an item, the other any number"
          : `the class ${unknown} is judged, but there is nothing to learn it from`,
      where: test.path,
      remedy: `The classes of ${train.path} are ${train.classes.slice(0, 10).join(", ")}${train.classes.length > 10 ? ", …" : ""}.`,
    });
  }
  const renumbered = test.samples.map((sample) => ({
    ...sample,
    labels: sample.labels.map((k) => train.classes.indexOf(test.classes[k]!)),
  }));
  const only = (samples: readonly Sample[], splits: readonly string[]) => {
    const some = samples.filter(({ split }) => split !== undefined && splits.includes(split));
    return some.length > 0 ? some : samples;
  };
  const parts = { train: only(train.samples, ["train"]), test: only(renumbered, ["val", "test"]) };
  const known = new Set(train.path === test.path ? parts.train.map(({ id }) => id) : []);
  const twice = parts.test.find(({ id }) => known.has(id));
  if (twice !== undefined) {
    throw new SkySenseError({
      code: "PARTS_OVERLAP",
      what: `${twice.id} is both learnt from and judged`,
      where: test.path,
      remedy: "Give two folders, or one as --data with --train-ratio.",
    });
  }
  const name = train.name === test.name ? train.name : `${train.name} → ${test.name}`;
  return { set: { ...train, name, samples: [...parts.train, ...parts.test] }, parts };
}
