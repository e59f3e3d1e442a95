import { type StoredTensor, toFloat32 } from "../core/safetensors.ts";
import type { Tensors } from "./module-inputs.ts";

/** Numbers as a tensor: [n], or [n, width] with rows of that width. */
export function float32(data: Float32Array<ArrayBuffer>, width?: number): StoredTensor {
  return { dtype: "F32", shape: width === undefined ? [data.length] : [data.length / width, width], data };
}

/** Whole numbers as a tensor [n]. */
export function int64(values: ArrayLike<number>): StoredTensor {
  return { dtype: "I64", shape: [values.length], data: BigInt64Array.from(Array.from(values), BigInt) };
}

/** The numbers of a tensor that is known to be there. */
export function floatsOf(tensors: Tensors, name: string): Float32Array<ArrayBuffer> {
  return toFloat32(tensors.get(name)!) as Float32Array<ArrayBuffer>;
}
