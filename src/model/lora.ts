import { add } from "../graph/ops/add.ts";
import { matMul } from "../graph/ops/mat-mul.ts";
import { mul } from "../graph/ops/mul.ts";
import { scalar, type Tensor } from "../graph/tensor.ts";
import { torchDefault } from "./linear.ts";
import { type Bound, bindParameters, type ParameterSpec, type ParameterTree } from "./parameters.ts";

/** Low-rank adapters (Hu et al. 2021, arXiv:2106.09685). */
export interface LoraOptions {
  rank: number;
  /** Adapters count with α / rank. */
  alpha: number;
}

/** What a linear layer's parameters are called beside its `weight`, as PEFT has them. */
const names = ["lora_A", "lora_B"] as const;

/** Is it the name of an adapter's parameter? */
export function isAdapter(name: string): boolean {
  return names.some((adapter) => name.endsWith(`.${adapter}.weight`));
}

/**
 * The tree with an adapter beside the weight [out, in] of every linear layer that is larger than the rank: A [rank, in]
 * starts as the layer itself would, B [out, rank] at zero, so that nothing changes at first. Without options the tree
 * stays as it is.
 */
export function withAdapters(tree: ParameterTree, options: LoraOptions | undefined): ParameterTree {
  if (options === undefined || isSpec(tree)) return tree;
  if (Array.isArray(tree)) return tree.map((child) => withAdapters(child, options));
  const entries = Object.entries(tree as { [key: string]: ParameterTree | undefined });
  const out: Record<string, ParameterTree | undefined> = Object.fromEntries(
    entries.map(([key, child]) => [key, child && withAdapters(child, options)]),
  );
  const { rank } = options;
  const weight = out.weight;
  if (weight === undefined || !isSpec(weight) || weight.shape.length !== 2) return out;
  const [rows, columns] = weight.shape as [number, number];
  if (Math.min(rows, columns) <= rank) return out;
  out.lora_A = { weight: { shape: [rank, columns], initial: torchDefault(columns) } };
  out.lora_B = { weight: { shape: [rows, rank], initial: { kind: "constant", value: 0 } } };
  return out;
}

function isSpec(tree: ParameterTree): tree is ParameterSpec {
  return "initial" in tree && "shape" in tree;
}

/**
 * Bound parameters as the layers know them: W + (α / rank) B·A for every W that has an adapter. Layers need not know of
 * adapters, and a gradient of W reaches A and B alone.
 */
export function foldAdapters<T>(bound: T, { rank, alpha }: LoraOptions): T {
  if (typeof bound !== "object" || bound === null || "node" in bound) return bound;
  if (Array.isArray(bound)) return bound.map((child) => foldAdapters(child, { rank, alpha })) as T;
  const { lora_A: a, lora_B: b, ...rest } = bound as Record<string, unknown>;
  const out = Object.fromEntries(
    Object.entries(rest).map(([key, child]) => [key, foldAdapters(child, { rank, alpha })]),
  );
  if (a !== undefined && b !== undefined) {
    const product = matMul((b as { weight: Tensor }).weight, (a as { weight: Tensor }).weight);
    out.weight = add(out.weight as Tensor, mul(product, scalar(alpha / rank)));
  }
  return out as T;
}

/** The graph's parameters as layers know them: under their official names, with the adapters of a tree folded in. */
export function bindAdapted<T extends ParameterTree>(tree: T, adapters: LoraOptions | undefined): Bound<T> {
  const bound = bindParameters(tree);
  return adapters === undefined ? bound : foldAdapters(bound, adapters);
}
