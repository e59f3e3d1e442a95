import { create, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { lower } from "./lower.ts";
import type { Dim } from "./shape.ts";
import type { Attributes, ConstantData, Dtype, Node, Tensor } from "./tensor.ts";
import { topologicalOrder } from "./walk.ts";

/** A value at the border of a graph; symbolic extents are strings. */
export interface ValueSpec {
  name: string;
  dtype: Dtype;
  shape: readonly (number | string)[];
}

/** A graph as ONNX Runtime takes it. */
export interface OnnxGraph {
  /** A serialised ModelProto, without weights. */
  bytes: Uint8Array;
  /** What the caller feeds. */
  inputs: readonly ValueSpec[];
  /** Weights by official name: further inputs, unless they were placed in an external file. */
  parameters: readonly ValueSpec[];
  outputs: readonly ValueSpec[];
}

/** Where a weight lies in a file beside the model (ONNX external data). */
export interface ExternalWeight {
  /** File name relative to the model's folder. */
  location: string;
  /** Bytes. */
  offset: number;
  length: number;
}

export interface OnnxOptions {
  /** 21 (IR 10) is what ONNX Runtime is used with; 17 (IR 8) is for older tools. */
  opset?: 17 | 21;
  /** Weights that become constants in an external file; all others stay inputs. */
  external?: ReadonlyMap<string, ExternalWeight>;
}

const irVersion = { 17: 8n, 21: 10n } as const;

/**
 * Write a graph as ONNX (https://onnx.ai/onnx/repo-docs/IR.html).
 *
 * @param outputs  Output tensors by the name they get in the file.
 */
export function toOnnx(
  outputs: Readonly<Record<string, Tensor>>,
  { opset = 21, external }: OnnxOptions = {},
): OnnxGraph {
  const names = Object.keys(outputs);
  const tensors = lower(Object.values(outputs), opset);
  const nodes = topologicalOrder(deepestFirst(tensors));
  const given = [...names, ...nodes.flatMap((node) => ("name" in node ? [node.name] : []))];
  const used = new Set(nodes.flatMap((node) => (node.kind === "op" ? node.inputs : [])).concat(tensors));
  const writer = new GraphWriter(given, used);
  const values = nodes.map((node) => ({ node, name: writer.declare(node) }));

  const inputs = collect(values, "input");
  const parameters = collect(values, "parameter");
  const fed = parameters.filter(({ name }) => !external?.has(name));
  const constants = parameters.filter(({ name }) => external?.has(name));
  const results = tensors.map((t, i) => ({ ...spec(t, names[i]!), source: writer.nameOf(t) }));
  // A graph output needs a node of its own name: several outputs may share a tensor, or be an input.
  for (const { name, source } of results) {
    writer.nodes.push(create(NodeProtoSchema, { opType: "Identity", name, input: [source], output: [name] }));
  }

  const model: ModelProto = create(ModelProtoSchema, {
    irVersion: irVersion[opset],
    producerName: "skysense",
    opsetImport: [{ domain: "", version: BigInt(opset) }],
    graph: create(GraphProtoSchema, {
      name: "skysense",
      node: writer.nodes,
      input: [...inputs, ...fed].map(valueInfo),
      output: results.map(valueInfo),
      initializer: [...writer.initializers, ...constants.map((c) => externalTensor(c, external!.get(c.name)!))],
    }),
  });
  return { bytes: toBinary(ModelProtoSchema, model), inputs, parameters, outputs: results };
}

/**
 * Outputs by the length of their longest way from a leaf, longest first: the order in which nodes are written.
 *
 * ONNX Runtime computes outputs from the last written to the first, each with all that it needs and no more. So the
 * gradients of a model's last layers are computed, and what they need is freed, before those of its first layers.
 */
function deepestFirst(outputs: readonly Tensor[]): Tensor[] {
  const depths = new Map<Node, number>();
  for (const node of topologicalOrder(outputs)) {
    const inputs = node.kind === "op" ? node.inputs : [];
    depths.set(
      node,
      inputs.reduce((deepest, t) => Math.max(deepest, depths.get(t.node)! + 1), 0),
    );
  }
  return outputs.toSorted((a, b) => depths.get(b.node)! - depths.get(a.node)!);
}

/** Gives every value a name and every operator its NodeProto. */
class GraphWriter {
  readonly nodes: ReturnType<typeof create<typeof NodeProtoSchema>>[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #names = new Map<Node, readonly string[]>();
  readonly #given = new Set<string>();
  readonly #counts = new Map<string, number>();
  readonly #operands = new Map<string, string>();

  readonly #used: ReadonlySet<Tensor>;

  /**
   * @param given  Names of inputs, parameters and outputs, which no other value gets.
   * @param used  Tensors that a node or the caller reads.
   */
  constructor(given: readonly string[], used: ReadonlySet<Tensor>) {
    this.#used = used;
    for (const name of given) {
      if (this.#given.has(name)) throw new Error(`internal: two values of the graph are called "${name}"`);
      this.#given.add(name);
    }
  }

  nameOf(t: Tensor): string {
    return this.#names.get(t.node)![t.output]!;
  }

  /** Names the node's values and writes it; to be called in topological order. */
  declare(node: Node): string {
    if (node.kind === "input" || node.kind === "parameter") {
      this.#names.set(node, [node.name]);
      return node.name;
    }
    if (node.kind === "constant") {
      const name = this.#unique("constant");
      this.#names.set(node, [name]);
      this.initializers.push(tensorProto(name, node.data, node.shape));
      return name;
    }
    const [type] = node.rule.onnx;
    const name = this.#unique(node.scope === "" ? type : `${node.scope}/${type}`);
    const results = node.outputs.map((_, i) => (i === 0 ? `${name}.out` : `${name}.out${i}`));
    this.#names.set(node, results);
    const operands = node.rule.operands?.(node.inputs, node.attrs) ?? [];
    const last =
      node.rule.optionalOutputs === true ? node.outputs.findLastIndex((t) => this.#used.has(t)) : results.length;
    this.nodes.push(
      create(NodeProtoSchema, {
        opType: type,
        name,
        input: [...node.inputs.map((t) => this.nameOf(t)), ...operands.map((values) => this.#operand(values))],
        output: results.slice(0, last + 1),
        attribute: attributeProtos(node.rule.attributes?.(node.attrs) ?? {}),
      }),
    );
    return name;
  }

  /** Equal int64 operands (axes, shapes) are written once. */
  #operand(values: readonly number[]): string {
    const key = values.join(",");
    const known = this.#operands.get(key);
    if (known !== undefined) return known;
    const name = this.#unique("operand");
    this.#operands.set(key, name);
    this.initializers.push(tensorProto(name, BigInt64Array.from(values, BigInt), [values.length]));
    return name;
  }

  #unique(stem: string): string {
    const count = this.#counts.get(stem) ?? 0;
    this.#counts.set(stem, count + 1);
    const name = count === 0 ? stem : `${stem}_${count}`;
    return this.#given.has(name) ? this.#unique(stem) : name;
  }
}

function collect(values: readonly { node: Node; name: string }[], kind: "input" | "parameter"): ValueSpec[] {
  return values.flatMap(({ node, name }) => (node.kind === kind ? [spec(node.value, name)] : []));
}

function spec({ dtype, shape }: { dtype: Dtype; shape: readonly Dim[] }, name: string): ValueSpec {
  return { name, dtype, shape: shape.map((dim) => (typeof dim === "number" ? dim : dimName(dim))) };
}

function dimName({ symbol, times }: { symbol: string; times: number }): string {
  return times === 1 ? symbol : `${symbol}_x${times}`;
}

const elementType = {
  float32: TensorProto_DataType.FLOAT,
  int64: TensorProto_DataType.INT64,
  bool: TensorProto_DataType.BOOL,
} as const satisfies Record<Dtype, TensorProto_DataType>;

function valueInfo({ name, dtype, shape }: ValueSpec): ValueInfoProto {
  const dim = shape.map((extent) =>
    typeof extent === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(extent) } }
      : { value: { case: "dimParam" as const, value: extent } },
  );
  const tensorType = { elemType: elementType[dtype], shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value: tensorType } } });
}

function tensorProto(name: string, data: ConstantData, shape: readonly number[]): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: shape.map(BigInt),
    dataType: data instanceof Float32Array ? TensorProto_DataType.FLOAT : TensorProto_DataType.INT64,
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  });
}

function externalTensor(
  { name, dtype, shape }: ValueSpec,
  { location, offset, length }: ExternalWeight,
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: shape.map((extent) => BigInt(extent)),
    dataType: elementType[dtype],
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries({ location, offset, length }).map(([key, value]) => ({ key, value: String(value) })),
  });
}

function attributeProtos(attributes: Attributes): AttributeProto[] {
  const kinds = AttributeProto_AttributeType;
  return Object.entries(attributes).map(([name, value]) => {
    if (typeof value === "number") return create(AttributeProtoSchema, { name, type: kinds.INT, i: BigInt(value) });
    if (typeof value === "string") {
      return create(AttributeProtoSchema, { name, type: kinds.STRING, s: new TextEncoder().encode(value) });
    }
    if ("float" in value) return create(AttributeProtoSchema, { name, type: kinds.FLOAT, f: value.float });
    return create(AttributeProtoSchema, { name, type: kinds.INTS, ints: value.map(BigInt) });
  });
}
