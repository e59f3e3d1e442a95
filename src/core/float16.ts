/**
 * Half precision (IEEE 754 binary16) and bfloat16 as bits in a Uint16Array: Float16Array is not to be had in Node 20.
 * Narrowing rounds to the nearest value, ties to even; NaN stays NaN.
 */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Bits of a half → the same number in float32 bits. */
function widenHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0) {
    // Subnormal: mantissa · 2⁻²⁴, exact in float32.
    float[0] = mantissa * 2 ** -24;
    return sign | bits[0]!;
  }
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13);
  return sign | ((exponent + 112) << 23) | (mantissa << 13);
}

/** Bits of a float32 → bits of the nearest half. */
function narrowToHalf(value: number): number {
  const sign = (value >>> 16) & 0x8000;
  const magnitude = value & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x1ff);
  if (magnitude >= 0x47800000) return sign | 0x7c00; // 65536 and more, infinity
  if (magnitude < 0x38800000) {
    // Below 2⁻¹⁴ a half counts in steps of 2⁻²⁴, as float32 does from 0.5 on: adding 0.5 rounds for us.
    bits[0] = magnitude;
    float[0] = float[0]! + 0.5;
    return sign | (bits[0]! - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

let halves: Uint32Array | undefined;

/** Halves, as bits, → float32. Exact. */
export function float16ToFloat32(values: Uint16Array): Float32Array<ArrayBuffer> {
  halves ??= Uint32Array.from({ length: 0x10000 }, (_, half) => widenHalf(half));
  const out = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = halves[values[i]!]!;
  return new Float32Array(out.buffer);
}

/** float32 → the nearest halves, as bits; beyond ±65504 rounds to ±infinity. */
export function float32ToFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, narrowToHalf);
}

/** bfloat16, as bits, → float32. Exact. */
export function bfloat16ToFloat32(values: Uint16Array): Float32Array<ArrayBuffer> {
  const out = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = values[i]! << 16;
  return new Float32Array(out.buffer);
}

/** float32 → the nearest bfloat16, as bits. */
export function float32ToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(words, (word) => {
    if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40; // a quiet NaN, whatever is cut off
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}
