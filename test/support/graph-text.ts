import { fromBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  ModelProtoSchema,
  type TensorProto,
  type ValueInfoProto,
} from "onnx-buf";

/** An ONNX file as text, one line a node, so that a changed graph shows in a review. */
export function graphToText(bytes: Uint8Array): string {
  const { irVersion, opsetImport, graph } = fromBinary(ModelProtoSchema, bytes);
  const constants = new Map(graph!.initializer.map((tensor) => [tensor.name, constantText(tensor)]));
  const lines = [`IR ${irVersion}, opset ${opsetImport.map(({ version }) => version)}`];
  for (const value of graph!.input) lines.push(`input ${valueText(value)}`);
  for (const { opType, name, input, output, attribute } of graph!.node) {
    const operands = input.map((operand) => constants.get(operand) ?? operand).join(", ");
    const attributes = attribute.map((a) => ` ${a.name}=${attributeText(a)}`).join("");
    lines.push(
      `${output.join(", ")} = ${opType}(${operands})${attributes}${output[0] === `${name}.out` ? "" : ` # ${name}`}`,
    );
  }
  for (const value of graph!.output) lines.push(`output ${valueText(value)}`);
  return `${lines.join("\n")}\n`;
}

function valueText({ name, type }: ValueInfoProto): string {
  if (type?.value.case !== "tensorType") return name;
  const { elemType, shape } = type.value.value;
  const kind = { 1: "float32", 7: "int64", 9: "bool" }[elemType] ?? `type ${elemType}`;
  return `${name}: ${kind} [${shape!.dim.map((dim) => dim.value.value).join(",")}]`;
}

/** Small constants by their numbers, larger ones by their shape. */
function constantText({ dims, dataType, rawData, externalData }: TensorProto): string {
  if (externalData.length > 0) return `external[${dims}]`;
  const buffer = rawData.slice().buffer;
  const values =
    dataType === 1 ? [...new Float32Array(buffer)].map((v) => +v.toPrecision(6)) : [...new BigInt64Array(buffer)];
  const kind = dataType === 1 ? "float32" : "int64";
  return values.length <= 8 ? `${dims.length === 0 ? values : `[${values}]`}` : `${kind}[${dims}]`;
}

function attributeText({ type, i, f, s, ints }: AttributeProto): string {
  const kinds = AttributeProto_AttributeType;
  if (type === kinds.INT) return `${i}`;
  if (type === kinds.FLOAT) return `${+f.toPrecision(6)}`;
  if (type === kinds.STRING) return new TextDecoder().decode(s);
  return `[${ints}]`;
}
