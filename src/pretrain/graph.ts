import { type SensorName, sensorNames } from "../core/place.ts";
import { add } from "../graph/ops/add.ts";
import { greater } from "../graph/ops/greater.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { mul } from "../graph/ops/mul.ts";
import { slice } from "../graph/ops/pad.ts";
import { mean, sum } from "../graph/ops/reduce.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { stopGradient } from "../graph/ops/stop-gradient.ts";
import { sub } from "../graph/ops/sub.ts";
import { sizeOf } from "../graph/shape.ts";
import { constant, input, scalar, type Tensor } from "../graph/tensor.ts";
import { initTransformerLinear, type LinearParams, linear } from "../model/linear.ts";
import { type Bound, bindParameters, type ParameterTree } from "../model/parameters.ts";
import { initSkySense, type SkySenseConfig, type SkySenseParams } from "../model/skysense.ts";
import type { FeedShapes } from "../train/compiled-graphs.node.ts";
import { infoNce } from "../train/losses/info-nce.ts";
import { averagePrefix } from "../train/state.ts";
import type { CoupledGraph, LossGraph } from "../train/train-graph.ts";
import { fewestPairs } from "./correspondence.ts";
import {
  type Branch,
  branches,
  encodeViews,
  fusedMask,
  type ViewFeatures,
  viewInputs,
  viewShapes,
} from "./encode-views.ts";
import { type HeadParams, initHead, project } from "./head.ts";
import { type Level, levelLoss, rowsOf } from "./level-loss.ts";
import { assignmentMonitors, featureMonitors } from "./monitors.ts";
import { objectCentres } from "./objects.ts";
import { initVisits, updatePrototypes } from "./prototypes.ts";
import { type PretrainSettings, type Term, terms } from "./settings.ts";
import { swapViews, validCells, validPairs } from "./valid-cells.ts";
import { monitorPrefix } from "./watch.ts";

/** Width of the embeddings in which sensors are aligned (method: linear, GELU-free, as CLIP's projections). */
const alignWidth = 256;

/** The parameters that pre-training adds to the model's. */
export function initPretraining(config: SkySenseConfig, { head, objects }: PretrainSettings) {
  const context = config.geoContext === undefined ? 1 : 2;
  const widthOf = (branch: Branch) => (branch === "fused" ? context * config.fusion.width : config.fusion.inputWidth);
  const present = branches.filter((branch) => branch === "fused" || config[branch] !== undefined);
  const each = <T>(make: (width: number) => T) =>
    Object.fromEntries(present.map((branch) => [branch, make(widthOf(branch))])) as { [branch in Branch]?: T };
  return {
    // Image and object level share a head; the pixel level has its own.
    place: each((width) => initHead(width, head)),
    pixel: each((width) => initHead(width, { ...head, prototypes: head.prototypes / 2 })),
    centres: each((width) => ({
      weight: { shape: [objects, width], initial: { kind: "normal", std: 1 / Math.sqrt(width) } as const },
    })),
    align: each((width) => initTransformerLinear(width, alignWidth)),
    /** Running means of the teacher's logits. */
    centre: each(() => ({
      place: { shape: [head.prototypes], initial: { kind: "constant", value: 0 } as const, buffer: true },
      pixel: { shape: [head.prototypes / 2], initial: { kind: "constant", value: 0 } as const, buffer: true },
    })),
    visits: initVisits(config),
  };
}

type PretrainParams = Bound<ReturnType<typeof initPretraining>>;

/** All parameters of a run: the model's by their official names, the others under `pretrain`. */
export function pretrainTree(config: SkySenseConfig, settings: PretrainSettings): ParameterTree {
  return { ...initSkySense(config), pretrain: initPretraining(config, settings) } as ParameterTree;
}

type AllParams = SkySenseParams & { pretrain: PretrainParams };

/**
 * Student and teacher over the views of a batch of places: features per level, and the loss over the features of all
 * places (Guo et al. 2024, arXiv:2312.10115, §3.3). The teacher is the running mean of the student.
 *
 * @param shapes  Of the feeds that `feedsOf` makes.
 */
export function pretrainGraph(shapes: FeedShapes, config: SkySenseConfig, settings: PretrainSettings): CoupledGraph {
  const tree = pretrainTree(config, settings);
  const student = bindParameters(tree) as unknown as AllParams;
  const teacher = bindParameters(tree, averagePrefix) as unknown as AllParams;
  const extents = viewShapes(shapes);
  const inputs = viewInputs(shapes, extents);
  const seen = encodeViews(student, inputs, config, { shapes: extents, locals: true });
  const wanted = encodeViews(teacher, inputs, config, { shapes: extents, locals: false });
  const feed = rememberFeeds(shapes);
  const parts: Parts = { student, teacher, seen, wanted, shapes, feed, inputs, settings, buffers: {} };
  const features: Record<string, Tensor> = { ramp: feed("ramp") };
  const found = Object.keys(seen.maps) as Branch[];
  for (const branch of found) {
    Object.assign(features, imageLevel(branch, parts));
    // Cells that were drawn for the fusion lie on no common ground.
    const all = branch !== "fused" || shapes["fused.pick"] === undefined;
    if (all && shapes["pair.student"] !== undefined) Object.assign(features, denseLevels(branch, parts));
  }
  Object.assign(features, alignment(found, parts));
  if (config.geoContext !== undefined) learnPrototypes(parts);
  return { features, buffers: parts.buffers, couple: (all) => totalLoss(all, settings) };
}

interface Parts {
  student: AllParams;
  teacher: AllParams;
  seen: ViewFeatures;
  wanted: ViewFeatures;
  shapes: FeedShapes;
  /** An input of the graph by name. */
  feed: (name: string) => Tensor;
  inputs: ReturnType<typeof viewInputs>;
  settings: PretrainSettings;
  buffers: Record<string, Tensor>;
}

/** A graph has one input of a name, however often it is asked for. */
function rememberFeeds(shapes: FeedShapes): Parts["feed"] {
  const known = new Map<string, Tensor>();
  return (name) => {
    const found = known.get(name) ?? input(name, shapes[name]!);
    known.set(name, found);
    return found;
  };
}

/** The mean over the cells, one row a date. */
function imageLevel(branch: Branch, parts: Parts): Record<string, Tensor> {
  const { student, teacher, seen, wanted } = parts;
  const pooled = (map: Tensor) => mean(map, { axes: [map.shape.length - 2] });
  const name = `image.${branch}`;
  const features: Record<string, Tensor> = {
    [`${name}.student`]: told(student.pretrain.place[branch]!, pooled(seen.maps[branch]!), parts),
    [`${name}.teacher`]: swapViews(
      taught(teacher.pretrain.place[branch]!, pooled(wanted.maps[branch]!), { ...parts, branch, level: "place" }),
    ),
    [`${name}.weight`]: presence(branch, parts),
    // For the monitors alone.
    [`${name}.features`]: stopGradient(
      project(student.pretrain.place[branch]!, pooled(seen.maps[branch]!)).embedding,
    ),
    [`${name}.target`]: stopGradient(
      project(teacher.pretrain.place[branch]!, pooled(wanted.maps[branch]!)).embedding,
    ),
  };
  if (branch === "hr" && seen.local !== undefined) {
    features[`${name}.local`] = told(student.pretrain.place.hr!, pooled(seen.local), parts);
  }
  return features;
}

/** Cells of two views that lie on the same ground, and clusters of them. */
function denseLevels(branch: Branch, parts: Parts): Record<string, Tensor> {
  const { student, teacher, seen, wanted, shapes, feed, inputs, settings } = parts;
  const map = seen.maps[branch]!;
  const [places, views, dates, cells, width] = map.shape as [number, number, number, number, number];
  const pairs = shapes["pair.student"]![2]!;
  const pick = (name: string) => reshape(feed(name), [places, views, 1, pairs, cells]);
  const chosen = { student: pick("pair.student"), teacher: pick("pair.teacher") };
  const own = matMul(chosen.student, map);
  const other = matMul(chosen.teacher, swapViews(stopGradient(wanted.maps[branch]!)));
  // Masked and cloudy cells say nothing, nor do dates that only one of the views has.
  const weight = mul(
    reshape(feed("pair.weight"), [places, views, 1, pairs]),
    validPairs(validCells(branch, inputs), chosen),
  );
  const rows = (x: Tensor) => reshape(x, [places, views, dates * (x.shape[3] as number), x.shape[4]!]);
  const features: Record<string, Tensor> = {};
  if (settings.weights.pixel > 0) {
    features[`pixel.${branch}.student`] = rows(told(student.pretrain.pixel[branch]!, own, parts));
    features[`pixel.${branch}.teacher`] = rows(
      taught(teacher.pretrain.pixel[branch]!, other, { ...parts, branch, level: "pixel" }),
    );
    features[`pixel.${branch}.weight`] = reshape(weight, [places, views, dates * pairs]);
  }
  if (settings.weights.object > 0) {
    const { objects } = settings;
    const flat = (x: Tensor) => reshape(x, [places * views * dates, pairs, width]);
    const centres = objectCentres(flat(own), flat(other), student.pretrain.centres[branch]!.weight, {
      weight: reshape(weight, [places * views * dates, pairs]),
    });
    const shaped = (x: Tensor) => reshape(x, [places, views, dates, objects, width]);
    features[`object.${branch}.student`] = rows(
      told(student.pretrain.place[branch]!, shaped(centres.student), parts),
    );
    features[`object.${branch}.teacher`] = rows(
      taught(teacher.pretrain.place[branch]!, stopGradient(shaped(centres.teacher)), {
        ...parts,
        branch,
        level: "place",
      }),
    );
    // A place whose views hardly overlap, or see nothing of the overlap, has no objects.
    const overlap = greater(sum(weight, { axes: [3], keepDims: true }), scalar(fewestPairs - 0.5));
    const each = mul(overlap, ones([1, 1, 1, objects]));
    features[`object.${branch}.weight`] = reshape(each, [places, views, dates * objects]);
  }
  return features;
}

/** What the student's head says, in the form that the loss compares. */
function told(head: HeadParams, x: Tensor, { settings, shapes, feed }: Pick<Parts, "settings" | "shapes" | "feed">) {
  const moving = shapes["head.moving"] && feed("head.moving");
  const { embedding, logits } = project(moving === undefined ? head : heldWhile(head, moving), x);
  return settings.form === "distil" ? logits : embedding;
}

/** The head whose last layer gets no gradient while `moving` [1] is 0. */
function heldWhile({ mlp, last: { weight } }: HeadParams, moving: Tensor): HeadParams {
  const held = mul(stopGradient(weight), sub(scalar(1), moving));
  return { mlp, last: { weight: add(mul(weight, moving), held) } };
}

/** What the teacher's head says: no gradient; logits are centred and divided by the temperature. */
function taught(
  head: HeadParams,
  x: Tensor,
  { settings, branch, level, student, buffers, feed }: Parts & { branch: Branch; level: "place" | "pixel" },
): Tensor {
  const { embedding, logits } = project(head, stopGradient(x));
  if (settings.form === "contrast") return stopGradient(embedding);
  const scale = slice(feed("temperature"), { axis: 0, start: 0, end: 1 });
  if (settings.balance === "sinkhorn") return stopGradient(mul(logits, scale));
  const centre = student.pretrain.centre[branch]![level];
  const axes = logits.shape.slice(0, -1).map((_, axis) => axis);
  buffers[`pretrain.centre.${branch}.${level}`] ??= stopGradient(
    add(mul(centre, scalar(0.9)), mul(mean(logits, { axes }), scalar(0.1))),
  );
  return stopGradient(mul(sub(logits, centre), scale));
}

/** [places, views, dates]: 1 where the branch has something to say. */
function presence(branch: Branch, { inputs, seen }: Pick<Parts, "inputs" | "seen">): Tensor {
  const [places, views] = seen.maps.fused!.shape as [number, number];
  return branch === "fused" ? ones([places, views, 1]) : inputs.sensors[branch]!.present;
}

const ones = (shape: readonly number[]) => expandTo(scalar(1), shape);

function expandTo(x: Tensor, shape: readonly number[]): Tensor {
  return add(constant(new Float32Array(shape.reduce((n, extent) => n * extent, 1)), shape), x);
}

/** Each sensor's mean over views, dates and cells, where a place has several sensors. */
function alignment(found: readonly Branch[], { student, seen, inputs, settings }: Parts): Record<string, Tensor> {
  const sensors = found.filter((branch): branch is SensorName => branch !== "fused");
  if (sensors.length < 2 || settings.weights.align === 0) return {};
  const features: Record<string, Tensor> = {};
  for (const sensor of sensors) {
    const map = seen.maps[sensor]!;
    const [places, views, dates] = map.shape as [number, number, number];
    const { present } = inputs.sensors[sensor]!;
    // Absent images are zero: the direction of the sum is that of the mean.
    const pooled = mean(map, { axes: [1, 2, 3] });
    features[`align.${sensor}.student`] = linear(student.pretrain.align[sensor] as LinearParams, pooled);
    const any = mean(reshape(present, [places, views * dates]), { axes: [1] });
    features[`align.${sensor}.weight`] = greater(any, scalar(0));
  }
  return features;
}

/** From the first view alone: the second shows much of the same ground. */
function learnPrototypes({ student, seen, buffers, feed, inputs }: Parts): void {
  const region = feed("region.onehot");
  const [places, , cells, width] = seen.plain.shape as [number, number, number, number];
  const first = (x: Tensor) => slice(x, { axis: 1, start: 0, end: 1 });
  const fused = reshape(first(seen.plain), [places, cells, width]);
  const valid = reshape(first(validCells("fused", { ...inputs, mask: fusedMask(inputs) })), [places, cells]);
  const { bank, visits } = updatePrototypes({
    bank: student.geo_context!.prototypes,
    visits: student.pretrain.visits!,
    fused,
    region,
    valid,
  });
  buffers["geo_context.prototypes"] = bank;
  buffers["pretrain.visits"] = visits;
}

const alignTemperature = 0.07;

/** The terms of all branches, and their weighted sum. */
function totalLoss(features: Readonly<Record<string, Tensor>>, settings: PretrainSettings): LossGraph {
  const ramp = mean(features.ramp!, { axes: [0] });
  const sums = new Map<Term, Tensor>();
  const metrics: Record<string, Tensor> = {};
  const note = (term: Term, branch: string, loss: Tensor) => {
    metrics[`${term}.${branch}`] = loss;
    const known = sums.get(term);
    sums.set(term, known === undefined ? loss : add(known, loss));
  };
  for (const term of ["image", "object", "pixel"] as const) {
    for (const branch of branches) {
      const name = `${term}.${branch}`;
      if (features[`${name}.student`] === undefined) continue;
      const level: Level = {
        student: features[`${name}.student`]!,
        teacher: stopGradient(features[`${name}.teacher`]!),
        weight: stopGradient(features[`${name}.weight`]!),
        local: features[`${name}.local`],
        dated: term === "image",
      };
      const { loss, wanted } = levelLoss(level, settings);
      note(term, branch, loss);
      if (term !== "image") continue;
      const pooled = { own: features[`${name}.features`]!, target: features[`${name}.target`]! };
      for (const [kind, value] of Object.entries(monitorsOf(level, pooled, wanted))) {
        metrics[`${monitorPrefix}${branch}.${kind}`] = value;
      }
    }
  }
  for (const [a, b] of pairsOf(sensorNames.filter((sensor) => features[`align.${sensor}.student`] !== undefined))) {
    const weight = stopGradient(mul(features[`align.${a}.weight`]!, features[`align.${b}.weight`]!));
    const [left, right] = [features[`align.${a}.student`]!, features[`align.${b}.student`]!];
    note("align", `${a}-${b}`, infoNce(left, right, { temperature: alignTemperature, weight }));
  }
  const weighted = terms.flatMap((term, i) => {
    const sum = sums.get(term);
    if (sum === undefined) return [];
    const grown = reshape(slice(ramp, { axis: 0, start: i, end: i + 1 }), []);
    return [mul(sum, mul(stopGradient(grown), scalar(settings.weights[term])))];
  });
  return { loss: weighted.reduce((a, b) => add(a, b)), metrics };
}

/** How the image level fares: see monitors.ts. */
function monitorsOf(
  { weight }: Level,
  { own, target }: { own: Tensor; target: Tensor },
  wanted: Tensor | undefined,
): Record<string, Tensor> {
  const rows = { weight: reshape(weight, [sizeOf(weight.shape)]) };
  const assigned = wanted === undefined ? {} : assignmentMonitors(rowsOf(wanted), rows);
  return { ...featureMonitors(rowsOf(own), rowsOf(target), rows), ...assigned };
}

function pairsOf<T>(items: readonly T[]): [T, T][] {
  return items.flatMap((a, i) => items.slice(i + 1).map((b): [T, T] => [a, b]));
}
