import { createRandom } from "../../src/core/random.ts";
import { add } from "../../src/graph/ops/add.ts";
import { mul } from "../../src/graph/ops/mul.ts";
import { relu } from "../../src/graph/ops/relu.ts";
import { batchDim } from "../../src/graph/shape.ts";
import { input, scalar } from "../../src/graph/tensor.ts";
import { initialise } from "../../src/model/initialise.ts";
import { initLinear, linear } from "../../src/model/linear.ts";
import { bindParameters, listParameters, type ParameterTree } from "../../src/model/parameters.ts";
import type { Batch, BatchSource } from "../../src/train/batch.ts";
import type { Communicator } from "../../src/train/communicator.ts";
import { infoNce } from "../../src/train/losses/info-nce.ts";
import { meanSquaredError } from "../../src/train/losses/regression.ts";
import type { Values } from "../../src/train/state.ts";
import type { TrainOptions } from "../../src/train/trainer.node.ts";

type Job = Pick<TrainOptions, "parameters" | "trainable" | "buildGraph">;

export function parametersOf(tree: ParameterTree, seed = 3): [name: string, values: Values][] {
  const values = initialise(tree, { seed });
  return listParameters(tree).map(([name, { shape }]) => [name, { shape, data: values.get(name)! }]);
}

/** y = W x + b, with a third weight that has no influence and a buffer that counts steps. */
export function linearJob(inputs: number, outputs: number): Job {
  const zero = { kind: "constant", value: 0 } as const;
  const tree = {
    layer: initLinear(inputs, outputs),
    idle: { shape: [3], initial: { kind: "constant", value: 1 } as const },
    count: { shape: [1], initial: zero },
  };
  return {
    parameters: parametersOf(tree),
    trainable: (name) => name !== "count",
    buildGraph() {
      const p = bindParameters(tree);
      const y = linear(p.layer, input("x", [batchDim(), inputs]));
      const loss = meanSquaredError(y, input("y", [batchDim(), outputs]));
      return { loss, metrics: { twice: add(loss, loss) }, buffers: { count: add(p.count, scalar(1)) } };
    },
  };
}

/** Two encoders of two views, and InfoNCE between what they make of them. */
export function pairJob(width: number, { fixedBatch }: { fixedBatch?: number } = {}): Job {
  const tree = { a: initLinear(width, width), b: initLinear(width, width) };
  return {
    parameters: parametersOf(tree),
    buildGraph(shapes) {
      const p = bindParameters(tree);
      const view = (name: string) => input(name, [fixedBatch ?? shapes[name]![0]!, width]);
      const features = { a: linear(p.a, relu(view("x"))), b: linear(p.b, mul(view("y"), scalar(2))) };
      return {
        features,
        couple: ({ a, b }) => ({ loss: infoNce(a!, b!, { temperature: 0.5 }) }),
      };
    },
  };
}

/** Rows [`from`, `to`) of a data set that exists nowhere: y = M x + noise, the same rows for everyone who asks. */
export function rows(from: number, to: number, [inputs, outputs]: readonly [number, number]): Batch {
  const x = new Float32Array((to - from) * inputs);
  const y = new Float32Array((to - from) * outputs);
  for (let row = from; row < to; row++) {
    const random = createRandom(11, row);
    for (let i = 0; i < inputs; i++) x[(row - from) * inputs + i] = random.normal();
    for (let j = 0; j < outputs; j++) {
      let sum = 0.25 * j;
      for (let i = 0; i < inputs; i++) sum += truth(i, j) * x[(row - from) * inputs + i]!;
      y[(row - from) * outputs + j] = sum;
    }
  }
  const samples = to - from;
  return {
    feeds: { x: { data: x, shape: [samples, inputs] }, y: { data: y, shape: [samples, outputs] } },
    samples,
    files: Array.from({ length: samples }, (_, i) => `row ${from + i}`),
  };
}

export const truth = (i: number, j: number) => ((3 * i + 5 * j) % 7) / 7 - 0.4;

/** Batches of `sizes`, cyclic, one after the other. */
export function source(sizes: readonly number[], extents: readonly [number, number]): BatchSource {
  const sum = (n: number) => sizes.slice(0, n).reduce((total, size) => total + size, 0);
  const begin = (index: number) => Math.floor(index / sizes.length) * sum(sizes.length) + sum(index % sizes.length);
  return { batch: async (index) => rows(begin(index), begin(index + 1), extents) };
}

/** Communicators of `size` ranks in one thread: a call returns when all ranks have made it. */
export function threadOfRanks(size: number): Communicator[] {
  let waiting: { values: Float32Array; done: () => void }[] = [];
  const meet = (combine: (all: Float32Array[]) => void) => (rank: number, values: Float32Array) =>
    new Promise<void>((done) => {
      waiting[rank] = { values, done };
      if (Object.keys(waiting).length < size) return;
      const all = waiting;
      waiting = [];
      combine(all.map((entry) => entry.values));
      for (const entry of all) entry.done();
    });
  const sum = meet((all) => {
    const total = all[0]!.map((_, i) => all.reduce((n, values) => n + values[i]!, 0));
    for (const values of all) values.set(total);
  });
  const copy = meet((all) => {
    for (const values of all) values.set(all[0]!);
  });
  return Array.from({ length: size }, (_, rank) => ({
    rank,
    size,
    allReduce: (values) => sum(rank, values),
    broadcast: (values) => copy(rank, values),
    barrier: () => copy(rank, new Float32Array(0)),
  }));
}
