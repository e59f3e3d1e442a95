import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from "onnx-buf";
import type { Weights } from "./weights.ts";

/** A file that ONNX Runtime is given in memory. */
export interface ExternalFile {
  path: string;
  data: Uint8Array;
}

/**
 * Turn those inputs of a model that the table has into constants, whose bytes ONNX Runtime gets beside the model: one
 * "file" in memory a weight, a view where the table has float32. (As a real file they would have to lie in the
 * model's own folder, links out of it are refused, and half precision would need a copy all the same.)
 */
export function weightsAsConstants(
  bytes: Uint8Array,
  weights: Weights,
): { bytes: Uint8Array; externalData: ExternalFile[] } {
  const model = fromBinary(ModelProtoSchema, bytes);
  const graph = model.graph!;
  const constants = graph.input.filter(({ name }) => weights.entries.has(name));
  graph.input = graph.input.filter(({ name }) => !weights.entries.has(name));
  const externalData: ExternalFile[] = [];
  for (const [i, { name }] of constants.entries()) {
    const values = weights.float32(name);
    const path = `weight-${i}`;
    graph.initializer.push(
      externalTensor({ name, shape: weights.entries.get(name)!.shape, path, bytes: values.byteLength }),
    );
    externalData.push({ path, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) });
  }
  return { bytes: toBinary(ModelProtoSchema, model), externalData };
}

function externalTensor({
  name,
  shape,
  path,
  bytes,
}: {
  name: string;
  shape: readonly number[];
  path: string;
  bytes: number;
}): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dims: shape.map(BigInt),
    dataType: TensorProto_DataType.FLOAT,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries({ location: path, offset: "0", length: `${bytes}` }).map(([key, value]) => ({
      key,
      value,
    })),
  });
}
