import { formatShape, type Shape, sizeOf } from "./shape.ts";

export type Dtype = "float32" | "int64" | "bool";

/** Shape and type of a value, before it has a maker. */
export interface ValueType {
  shape: Shape;
  dtype: Dtype;
}

/** A symbolic value: one output of a node. Calling operators on tensors builds the graph. */
export interface Tensor extends ValueType {
  readonly node: Node;
  /** Which output of the node. */
  readonly output: number;
}

/** ONNX attributes: integers, lists of integers, or `{ float }`. */
export type Attributes = Readonly<Record<string, number | readonly number[] | { readonly float: number } | string>>;

/** All that there is to know of one operator; it stands in the operator's file. */
export interface OpRule<Inputs extends readonly Tensor[] = readonly Tensor[], Attrs = unknown> {
  /** ONNX operator and the opset that brought the form written here. */
  onnx: readonly [type: string, since: number];
  /**
   * Types of the outputs; shapes are checked here.
   * @throws Error with the reason only; {@link emit} adds operator, module and shapes.
   */
  type: (inputs: Inputs, attrs: Attrs) => ValueType | readonly ValueType[];
  /** ONNX attributes; default: none. */
  attributes?: (attrs: Attrs) => Attributes;
  /** What ONNX wants as trailing int64 inputs (axes, shapes, pads). */
  operands?: (inputs: Inputs, attrs: Attrs) => readonly (readonly number[])[];
  /** Outputs after the first are computed only where something reads them. */
  optionalOutputs?: boolean;
  /** The same in older operators, for opsets before `onnx[1]` (Infinity: always). */
  decompose?: (inputs: Inputs, attrs: Attrs) => Tensor;
  /**
   * Gradients of the inputs from that of the output, `dy`; undefined where an input has none. Broadcasting is undone
   * by the backward walk.
   */
  grad?: (node: Differentiated<Inputs, Attrs>) => readonly (Tensor | undefined)[];
}

/** A node on the way back. */
export interface Differentiated<Inputs extends readonly Tensor[], Attrs> {
  inputs: Inputs;
  attrs: Attrs;
  outputs: readonly Tensor[];
  /** Gradients of the outputs; undefined where one has no influence. */
  dys: readonly (Tensor | undefined)[];
  /** The first output and its gradient. */
  y: Tensor;
  dy: Tensor;
}

export type Node =
  | { readonly kind: "input"; readonly name: string; readonly value: ValueType }
  | { readonly kind: "parameter"; readonly name: string; readonly value: ValueType }
  | { readonly kind: "constant"; readonly data: ConstantData; readonly shape: readonly number[] }
  | {
      readonly kind: "op";
      readonly rule: OpRule;
      readonly inputs: readonly Tensor[];
      readonly attrs: unknown;
      /** Path of the module that called: "stages.0.blocks.1.attn". */
      readonly scope: string;
      /** Nodes of one segment are computed again on the way back, see recompute.ts. */
      readonly segment: Segment | undefined;
      readonly outputs: readonly Tensor[];
    };

/** A part of the graph whose inside is not kept for the backward pass. */
export type Segment = object;

export type ConstantData = Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;

const scopes: string[] = [];

/** Run `build` with `name` appended to the module path that nodes and errors carry. */
export function scope<T>(name: string, build: () => T): T {
  scopes.push(name);
  try {
    return build();
  } finally {
    scopes.pop();
  }
}

let segment: Segment | undefined;

/** Run `build` with all its nodes in one segment; inside another segment it is part of that. */
export function inSegment<T>(build: () => T): T {
  if (segment !== undefined) return build();
  segment = {};
  try {
    return build();
  } finally {
    segment = undefined;
  }
}

/** A value that the caller feeds at every run. */
export function input(name: string, shape: Shape, dtype: Dtype = "float32"): Tensor {
  return { shape, dtype, node: { kind: "input", name, value: { shape, dtype } }, output: 0 };
}

/** A weight, under its official name. */
export function parameter(name: string, shape: readonly number[]): Tensor {
  const value: ValueType = { shape, dtype: "float32" };
  return { ...value, node: { kind: "parameter", name, value }, output: 0 };
}

/** A value known now: float32 from numbers or Float32Array, int64 from BigInt64Array. */
export function constant(data: ConstantData | readonly number[], shape: readonly number[]): Tensor {
  const array = data instanceof Float32Array || data instanceof BigInt64Array ? data : Float32Array.from(data);
  if (array.length !== sizeOf(shape)) {
    throw new Error(`internal: a constant of ${array.length} values cannot have the shape ${formatShape(shape)}`);
  }
  const dtype = array instanceof Float32Array ? "float32" : "int64";
  return { shape, dtype, node: { kind: "constant", data: array, shape }, output: 0 };
}

/** A float32 scalar. */
export function scalar(value: number): Tensor {
  return constant([value], []);
}

/** Int64 indices; they must fit into 32 bits. */
export function indices(values: ArrayLike<number>, shape: readonly number[] = [values.length]): Tensor {
  // Written as pairs of words: a BigInt for each would be the longest part of building a graph.
  const words = new Int32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    words[2 * i] = values[i]!;
    words[2 * i + 1] = values[i]! < 0 ? -1 : 0;
  }
  return constant(new BigInt64Array(words.buffer), shape);
}

/**
 * Add one node with one output.
 * @throws Error `matMul "stages.0.blocks.1.attn": [8,196,64], [8,32,196]: <reason>` where the shapes do not fit.
 */
export function emit<I extends readonly Tensor[], A>(rule: OpRule<I, A>, inputs: I, attrs: A): Tensor {
  return emitMany(rule, inputs, attrs)[0]!;
}

/** Add one node with all its outputs. */
export function emitMany<I extends readonly Tensor[], A>(rule: OpRule<I, A>, inputs: I, attrs: A): readonly Tensor[] {
  const path = scopes.join(".");
  let types: ValueType | readonly ValueType[];
  try {
    types = rule.type(inputs, attrs);
  } catch (error) {
    const shapes = inputs.map(({ shape }) => formatShape(shape)).join(", ");
    throw new Error(`${rule.onnx[0]} "${path}": ${shapes}: ${(error as Error).message}`, { cause: error });
  }
  const outputs: Tensor[] = [];
  const node: Node = { kind: "op", rule: rule as unknown as OpRule, inputs, attrs, scope: path, segment, outputs };
  const list = Array.isArray(types) ? (types as readonly ValueType[]) : [types as ValueType];
  for (const [output, type] of list.entries()) outputs.push({ shape: type.shape, dtype: type.dtype, node, output });
  return outputs;
}
