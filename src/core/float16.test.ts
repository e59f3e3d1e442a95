import { expect, test } from "vitest";
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from "./float16.ts";

const all = Uint16Array.from({ length: 0x10000 }, (_, i) => i);

/** The number that the standard gives to the bits: sign, exponent, mantissa. */
function numberOf(
  bits: number,
  { exponentBits, mantissaBits }: { exponentBits: number; mantissaBits: number },
): number {
  const sign = bits >>> 15 ? -1 : 1;
  const exponent = (bits >>> mantissaBits) & (2 ** exponentBits - 1);
  const mantissa = (bits & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * mantissa * 2 ** (1 - bias) : sign * (1 + mantissa) * 2 ** (exponent - bias);
}

const formats = [
  { name: "float16", exponentBits: 5, mantissaBits: 10, widen: float16ToFloat32, narrow: float32ToFloat16 },
  { name: "bfloat16", exponentBits: 8, mantissaBits: 7, widen: bfloat16ToFloat32, narrow: float32ToBfloat16 },
] as const;

for (const { name, widen, narrow, ...layout } of formats) {
  test(`${name}: all 65536 values widen to the number that the standard gives them`, () => {
    const wide = widen(all);
    const wrong = all.filter((bits) => !Object.is(wide[bits], Math.fround(numberOf(bits, layout))));
    expect([...wrong]).toEqual([]);
  });

  test(`${name}: all 65536 values come back unchanged; a NaN stays a NaN`, () => {
    const back = narrow(widen(all));
    const wrong = all.filter((bits) =>
      Number.isNaN(numberOf(bits, layout)) ? !Number.isNaN(numberOf(back[bits]!, layout)) : back[bits] !== bits,
    );
    expect([...wrong]).toEqual([]);
  });

  test(`${name}: between two neighbours the nearer one is taken, and the even one in the middle`, () => {
    const infinity = (2 ** layout.exponentBits - 1) << layout.mantissaBits;
    for (const sign of [0, 0x8000]) {
      // The neighbour above the largest finite value is 2^(max exponent + 1), which is written as infinity.
      for (let low = 0; low < infinity; low++) {
        const a = numberOf(low, layout);
        const b =
          low + 1 === infinity
            ? 2 * numberOf(infinity - (1 << layout.mantissaBits), layout)
            : numberOf(low + 1, layout);
        const middle = Math.fround((a + b) / 2);
        if (middle !== (a + b) / 2) continue; // bfloat16 subnormals: float32 has the middle too, but let us be sure
        const step = new Float32Array([middle]);
        const word = new Uint32Array(step.buffer);
        const values = new Float32Array(3);
        const words = new Uint32Array(values.buffer);
        const flip = sign ? 0x80000000 : 0;
        words.set([(word[0]! - 1) | flip, word[0]! | flip, (word[0]! + 1) | flip]);
        const even = low % 2 === 0 ? low : low + 1;
        const got = [...narrow(values)];
        const want = [low | sign, even | sign, (low + 1) | sign];
        if (got.some((bits, i) => bits !== want[i])) expect({ low, got }).toEqual({ low, got: want });
      }
    }
  });
}

test("float32ToFloat16: what is beyond the largest half becomes infinity", () => {
  const bits = float32ToFloat16(Float32Array.of(65504, 65519.99, 65520, 1e38, -1e38, Number.POSITIVE_INFINITY));
  expect([...bits]).toEqual([0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x7c00]);
});

test("float32ToFloat16: a view in the middle of a buffer converts only its own values", () => {
  const view = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
  expect([...float32ToFloat16(view)]).toEqual([0x4000, 0x4200]);
  expect([...float32ToBfloat16(view)]).toEqual([0x4000, 0x4040]);
});
