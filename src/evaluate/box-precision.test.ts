import fc from "fast-check";
import { expect, test } from "vitest";
import type { BoxImage } from "./box-matches.ts";
import { boxPrecision, boxProtocols, type PrecisionRule, scoreBoxes } from "./box-precision.ts";

const rules = ["voc07", "area", "coco"] as const;

test.each([
  [
    [1, 1, 0, 1, 0, 0, 1, 0],
    ["0.694805", "0.664286", "0.667610"],
  ],
  [
    [0, 1, 1, 0, 1, 0, 0, 1],
    ["0.503030", "0.486667", "0.488449"],
  ],
])("boxPrecision: %j of five objects by the three rules", (outcomes, expected) => {
  expect(rules.map((rule) => boxPrecision(outcomes, 5, rule).toFixed(6))).toEqual(expected);
});

test("boxPrecision: nothing found is 0, nothing to find is NaN, and what is neither right nor wrong does not count", () => {
  for (const rule of rules) {
    expect(boxPrecision([], 3, rule)).toBe(0);
    expect(boxPrecision([0], 0, rule)).toBeNaN();
    expect(boxPrecision([-1, 1, -1, 0], 2, rule)).toBe(boxPrecision([1, 0], 2, rule));
    expect(boxPrecision([1, 1], 2, rule)).toBe(1);
  }
});

/** The definition written out: the best precision at each recall, looked up anew. */
function precisionByDefinition(outcomes: readonly number[], truths: number, rule: PrecisionRule): number {
  const points = outcomes.map((_, k) => {
    const right = outcomes.slice(0, k + 1).filter((o) => o === 1).length;
    return { right, precision: right / (k + 1) };
  });
  // Recalls are compared as fractions right/truths ≥ i/steps, in whole numbers.
  const best = (enough: (right: number) => boolean) =>
    Math.max(0, ...points.filter(({ right }) => enough(right)).map(({ precision }) => precision));
  if (rule === "area") {
    let sum = 0;
    for (let n = 1; n <= truths; n++) sum += best((right) => right >= n) / truths;
    return sum;
  }
  const steps = rule === "voc07" ? 10 : 100;
  let sum = 0;
  for (let i = 0; i <= steps; i++) sum += best((right) => right * steps >= i * truths);
  return sum / (steps + 1);
}

const flags = fc.array(fc.constantFrom(0, 1), { maxLength: 30 });

test.each(rules)("boxPrecision: %s is what its definition says", (rule) => {
  fc.assert(
    fc.property(flags, fc.integer({ min: 0, max: 9 }), (outcomes, missed) => {
      const truths = outcomes.filter((o) => o === 1).length + missed;
      fc.pre(truths > 0);
      expect(boxPrecision(outcomes, truths, rule)).toBeCloseTo(precisionByDefinition(outcomes, truths, rule), 12);
    }),
    { seed: 1 },
  );
});

interface Item {
  box: number[];
  label: number;
  score: number;
  ignored: boolean;
}

const coordinate = fc.integer({ min: 0, max: 5 });
const item = fc
  .tuple(coordinate, coordinate, coordinate, coordinate, fc.nat(1), fc.nat(4), fc.integer({ min: 0, max: 5 }))
  .map(([a, b, c, d, label, score, hard]): Item => {
    const box = [Math.min(a, c), Math.min(b, d), Math.max(a, c) + 1, Math.max(b, d) + 1];
    return { box, label, score: score / 4, ignored: hard === 0 };
  });
const scene = fc.record({ truth: fc.array(item, { maxLength: 4 }), found: fc.array(item, { maxLength: 6 }) });

function toImage({ truth, found }: { truth: Item[]; found: Item[] }, oriented = false): BoxImage {
  const flat = (items: Item[]) =>
    Float32Array.from(
      items.flatMap(({ box: [x1, y1, x2, y2] }) =>
        oriented ? [(x1! + x2!) / 2, (y1! + y2!) / 2, x2! - x1!, y2! - y1!, 0] : [x1!, y1!, x2!, y2!],
      ),
    );
  const labels = (items: Item[]) => items.map(({ label }) => label);
  return {
    truth: { boxes: flat(truth), labels: labels(truth), ignored: truth.map(({ ignored }) => ignored) },
    found: { boxes: flat(found), labels: labels(found), scores: Float32Array.from(found, ({ score }) => score) },
  };
}

/** Overlap as a fraction: cells in both, cells in either. */
function cells(a: number[], b: number[]): [both: number, either: number] {
  let [both, either] = [0, 0];
  for (let x = 0; x < 8; x++) {
    for (let y = 0; y < 8; y++) {
      const [p, q] = [a, b].map(([x1, y1, x2, y2]) => x >= x1! && x < x2! && y >= y1! && y < y2!);
      if (p && q) both++;
      if (p || q) either++;
    }
  }
  return [both, either];
}

/** Average precision of one class at overlap tenths/10 in the plainest way: pick the best detection left, again and again. */
function bruteForce(
  scenes: { truth: Item[]; found: Item[] }[],
  {
    label,
    tenths,
    rule,
    precision,
  }: { label: number; tenths: number; rule: "voc" | "coco"; precision: PrecisionRule },
): number {
  const rest = scenes.flatMap(({ found }, image) =>
    found.filter((f) => f.label === label).map((f) => ({ ...f, image })),
  );
  const used = new Set<Item>();
  const outcomes: number[] = [];
  while (rest.length > 0) {
    const top = Math.max(...rest.map(({ score }) => score));
    const [detection] = rest.splice(
      rest.findIndex(({ score }) => score === top),
      1,
    );
    const near = scenes[detection!.image]!.truth.filter((t) => t.label === label)
      .map((object) => ({ object, overlap: cells(detection!.box, object.box) }))
      .map((pair) => ({ ...pair, value: pair.overlap[0] / pair.overlap[1] }))
      .map((pair) => ({ ...pair, enough: pair.overlap[0] * 10 >= tenths * pair.overlap[1] }));
    if (rule === "voc") {
      const chosen = near.toSorted((a, b) => b.value - a.value)[0];
      if (chosen === undefined || !chosen.enough) outcomes.push(0);
      else if (!chosen.object.ignored) {
        outcomes.push(used.has(chosen.object) ? 0 : 1);
        used.add(chosen.object);
      }
      continue;
    }
    const free = near.filter(({ object, enough }) => enough && !used.has(object));
    const counting = free.filter(({ object }) => !object.ignored);
    const chosen = (counting.length > 0 ? counting : free).toReversed().toSorted((a, b) => b.value - a.value)[0];
    if (chosen === undefined) outcomes.push(0);
    else {
      used.add(chosen.object);
      if (!chosen.object.ignored) outcomes.push(1);
    }
  }
  const truths = scenes.flatMap(({ truth }) => truth.filter((t) => t.label === label && !t.ignored)).length;
  return truths === 0 ? Number.NaN : precisionByDefinition(outcomes, truths, precision);
}

test.each(["coco", "voc07", "voc", "dota"] as const)("scoreBoxes: %s is what a plain search finds", (name) => {
  const protocol = boxProtocols[name];
  fc.assert(
    fc.property(fc.array(scene, { minLength: 1, maxLength: 3 }), (scenes) => {
      const scores = scoreBoxes(
        scenes.map((s) => toImage(s, protocol.oriented)),
        { classes: 2, protocol },
      );
      for (const label of [0, 1]) {
        const expected = bruteForce(scenes, { label, tenths: 5, ...protocol });
        const { ap50 } = scores.classes[label]!;
        if (Number.isNaN(expected)) expect(ap50).toBeNaN();
        else expect(ap50).toBeCloseTo(expected, 9);
      }
    }),
    { seed: 2, numRuns: 25 },
  );
});

const at = (box: number[], more: Partial<Item> = {}): Item => ({
  box,
  label: 0,
  score: 0.5,
  ignored: false,
  ...more,
});

test("scoreBoxes: means leave out classes without objects, and boxes without extent are dropped and counted", () => {
  const image = toImage({
    truth: [at([0, 0, 4, 4])],
    found: [at([0, 0, 4, 4]), at([3, 3, 3, 5]), at([0, 0, 1, 1], { label: 1 })],
  });
  const scores = scoreBoxes([image], { classes: 2, protocol: boxProtocols.coco });
  expect([scores.map50, scores.map, scores.absent, scores.dropped]).toEqual([1, 1, 1, 1]);
  expect(scores.classes[0]).toEqual({ ap50: 1, ap: 1, recall: 1, truths: 1, detections: 1 });
  expect(scores.interval.map50).toEqual({ low: Number.NaN, high: Number.NaN });
  const two = scoreBoxes([image, image], { classes: 2, protocol: boxProtocols.coco });
  expect(two.interval.map50).toEqual({ low: 1, high: 1 });
});

test("scoreBoxes: an overlap equal to the threshold suffices at every one of the ten thresholds", () => {
  // 7 of 10 cells: right at 0.5, 0.55, 0.6, 0.65 and 0.7.
  const image = toImage({ truth: [at([0, 0, 10, 1])], found: [at([0, 0, 7, 1])] });
  expect(scoreBoxes([image], { classes: 1, protocol: boxProtocols.coco }).map).toBeCloseTo(0.5, 12);
});

test("scoreBoxes: beyond a hundred detections of an image COCO does not look", () => {
  const found = Array.from({ length: 101 }, (_, i) =>
    at(i < 100 ? [20, 20, 21, 21] : [0, 0, 4, 4], { score: 1 - i / 200 }),
  );
  const images = [toImage({ truth: [at([0, 0, 4, 4])], found })];
  expect(scoreBoxes(images, { classes: 1, protocol: boxProtocols.coco }).map50).toBe(0);
  expect(scoreBoxes(images, { classes: 1, protocol: boxProtocols.voc }).map50).toBeCloseTo(1 / 101, 9);
});
