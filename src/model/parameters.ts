import { parameter, type Tensor } from "../graph/tensor.ts";

/** How a weight starts; drawn from the seeded generator in the order of the tree. */
export type Initial =
  | { kind: "constant"; value: number }
  | { kind: "uniform"; bound: number }
  /** `repeat`: so many consecutive entries of the first axis start alike. */
  | { kind: "normal"; std: number; repeat?: number }
  /** Cut at ±2, absolute, as the official code does. */
  | { kind: "truncatedNormal"; std: number };

/** A weight before it exists: its shape and how it starts. */
export interface ParameterSpec {
  readonly shape: readonly number[];
  readonly initial: Initial;
  /** Kept beside the weights and followed, not trained: a running statistic. */
  readonly buffer?: boolean;
}

/** Weights of a module: keys and list positions, joined by dots, are the official names. */
export type ParameterTree =
  | ParameterSpec
  | readonly ParameterTree[]
  | { readonly [key: string]: ParameterTree | undefined };

/** The same tree with tensors for specs. */
export type Bound<T> = T extends ParameterSpec
  ? Tensor
  : T extends readonly (infer U)[]
    ? Bound<U>[]
    : { [K in keyof T]: Bound<T[K]> };

function isSpec(tree: ParameterTree): tree is ParameterSpec {
  return "initial" in tree && "shape" in tree;
}

/** Official names and specs in the order of the tree. */
export function listParameters(tree: ParameterTree, prefix = ""): [name: string, spec: ParameterSpec][] {
  if (isSpec(tree)) return [[prefix, tree]];
  return Object.entries(tree).flatMap(([key, child]) =>
    child === undefined ? [] : listParameters(child as ParameterTree, prefix === "" ? key : `${prefix}.${key}`),
  );
}

/** Number of weights that are trained. */
export function countParameters(tree: ParameterTree): number {
  const trained = listParameters(tree).filter(([, { buffer }]) => buffer !== true);
  return trained.reduce((sum, [, { shape }]) => sum + shape.reduce((n, extent) => n * extent, 1), 0);
}

/** Make the graph's parameters: tensors under their official names. */
export function bindParameters<T extends ParameterTree>(tree: T, prefix = ""): Bound<T> {
  if (isSpec(tree)) return parameter(prefix, tree.shape) as Bound<T>;
  const entries = Object.entries(tree).flatMap(([key, child]) =>
    child === undefined
      ? []
      : [[key, bindParameters(child as ParameterTree, prefix === "" ? key : `${prefix}.${key}`)] as const],
  );
  return (Array.isArray(tree) ? entries.map(([, child]) => child) : Object.fromEntries(entries)) as Bound<T>;
}
