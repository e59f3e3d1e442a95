import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SkySenseError } from "./error.ts";
import { createRandom } from "./random.ts";
import { parseSafetensors, type StoredTensor, serialiseSafetensors, toFloat32 } from "./safetensors.ts";

/** A file written by hand, as the format's description says: length, JSON, bytes. */
function file(header: string, data: readonly number[] = []): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length = new Uint8Array(new BigUint64Array([BigInt(text.length)]).buffer);
  return Uint8Array.of(...length, ...text, ...data);
}

test("parseSafetensors: reads a file written by hand from the format's description", () => {
  // 1.5, -2 in float32, 1.0 in half precision, true; the header is not padded.
  const bytes = file(
    '{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"__metadata__":{"by":"hand"},' +
      '"h":{"dtype":"F16","shape":[1],"data_offsets":[8,10]},"t":{"dtype":"BOOL","shape":[],"data_offsets":[10,11]}}',
    [0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0, 0x00, 0x3c, 1],
  );
  const { tensors, metadata } = parseSafetensors(bytes);
  expect(metadata).toEqual({ by: "hand" });
  expect(Object.fromEntries(tensors)).toEqual({
    a: { dtype: "F32", shape: [2, 1], data: Float32Array.of(1.5, -2) },
    h: { dtype: "F16", shape: [1], data: Uint16Array.of(0x3c00) },
    t: { dtype: "BOOL", shape: [], data: Uint8Array.of(1) },
  });
  expect(toFloat32(tensors.get("h")!)).toEqual(Float32Array.of(1));
});

test("parseSafetensors: tensors are views on the file's bytes, not copies", () => {
  const bytes = serialiseSafetensors([["a", { dtype: "F32", shape: [3], data: Float32Array.of(1, 2, 3) }]]);
  const { data } = parseSafetensors(bytes).tensors.get("a")!;
  expect(data.buffer).toBe(bytes.buffer);
});

test("serialiseSafetensors: the order of tensors and metadata makes no difference", () => {
  const a: [string, StoredTensor] = ["a", { dtype: "F32", shape: [1], data: Float32Array.of(1) }];
  const b: [string, StoredTensor] = ["b", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }];
  const one = serialiseSafetensors([a, b], { x: "1", y: "2" });
  expect(serialiseSafetensors([b, a], { y: "2", x: "1" })).toEqual(one);
  expect(new DataView(one.buffer).getUint32(0, true) % 8).toBe(0);
});

const arbitraryTensor: fc.Arbitrary<StoredTensor> = fc
  .array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 })
  .chain((shape) => {
    const length = shape.reduce((product, size) => product * size, 1);
    const of = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: length, maxLength: length });
    return fc.oneof(
      of(fc.float()).map((v): StoredTensor => ({ dtype: "F32", shape, data: Float32Array.from(v) })),
      of(fc.double()).map((v): StoredTensor => ({ dtype: "F64", shape, data: Float64Array.from(v) })),
      of(fc.integer({ min: 0, max: 0xffff })).map(
        (v): StoredTensor => ({ dtype: "BF16", shape, data: Uint16Array.from(v) }),
      ),
      of(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })).map(
        (v): StoredTensor => ({ dtype: "I64", shape, data: BigInt64Array.from(v) }),
      ),
      of(fc.integer({ min: -128, max: 127 })).map(
        (v): StoredTensor => ({ dtype: "I8", shape, data: Int8Array.from(v) }),
      ),
    );
  });

test("serialiseSafetensors: what is written is read back, whatever names, shapes and values", () => {
  const names = fc.string({ unit: "grapheme" }).filter((name) => name !== "__metadata__");
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(names, arbitraryTensor), { selector: ([name]) => name }), (tensors) => {
      const back = parseSafetensors(serialiseSafetensors(tensors, { note: "é" }));
      expect(back.metadata).toEqual({ note: "é" });
      expect(back.tensors).toEqual(new Map(tensors));
    }),
  );
});

test("parseSafetensors: a Buffer that is not aligned to the numbers in it is read all the same", () => {
  const bytes = serialiseSafetensors(new Map([["a", { dtype: "F64", shape: [2], data: Float64Array.of(1, 2) }]]));
  const shifted = Buffer.alloc(bytes.length + 4).subarray(4);
  shifted.set(bytes);
  expect(parseSafetensors(shifted).tensors.get("a")!.data).toEqual(Float64Array.of(1, 2));
});

describe("parseSafetensors: refuses", () => {
  const tensor = (parts: Record<string, unknown>) =>
    JSON.stringify({ a: { dtype: "U8", shape: [2], data_offsets: [0, 2], ...parts } });
  const two = (second: readonly number[]) =>
    `{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[${second}]}}`;
  const cases: [name: string, bytes: Uint8Array, message: RegExp][] = [
    ["an empty file", new Uint8Array(), /0 bytes are too few/],
    ["a header longer than the file", Uint8Array.of(200, 0, 0, 0, 0, 0, 0, 0, 0x7b), /header of 200 bytes in a file/],
    ["a header of 2^60 bytes", Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 16), /more than 100000000/],
    ["what is no JSON", file("{"), /no JSON/],
    ["a list", file("[]"), /no JSON object/],
    ["broken UTF-8", file("{}").with(8, 0xff), /no JSON/],
    ["a name that comes twice", file(`{${tensor({}).slice(1, -1)},${tensor({}).slice(1)}`, [1, 2]), /stands twice/],
    ["a hole", file(two([3, 5]), [1, 2, 3, 4, 5]), /"b" leaves a hole/],
    ["an overlap", file(two([1, 3]), [1, 2, 3]), /"b" overlaps/],
    ["bytes at the end that nothing describes", file(tensor({}), [1, 2, 3]), /describes \d+ bytes, the file has/],
    ["missing bytes", file(tensor({}), [1]), /describes \d+ bytes, the file has/],
    [
      "a shape that the offsets do not fit",
      file(tensor({ shape: [3] }), [1, 2]),
      /takes 3 bytes, the offsets give 2/,
    ],
    ["a negative size", file(tensor({ shape: [-2] }), [1, 2]), /no valid shape/],
    ["a broken size", file(tensor({ shape: [1.5] }), [1, 2]), /no valid shape/],
    ["a size beyond all numbers", file(tensor({ shape: [2 ** 53] }), [1, 2]), /no valid shape/],
    [
      "a shape of more elements than numbers count",
      file(tensor({ shape: [2 ** 40, 2 ** 40] }), [1, 2]),
      /takes 1\.2/,
    ],
    ["reversed offsets", file(tensor({ data_offsets: [2, 0] }), [1, 2]), /offsets give -2/],
    ["metadata that is no text", file('{"__metadata__":{"a":1}}'), /not a table of texts/],
  ];
  test.each(cases)("%s", (_, bytes, message) => {
    expect(() => parseSafetensors(bytes, { file: "w.safetensors" })).toThrow(message);
    expect(() => parseSafetensors(bytes, { file: "w.safetensors" })).toThrow(
      "(w.safetensors). The file is damaged or is no .safetensors file: fetch or write it again.",
    );
  });

  test("a dtype that it does not know, and names those it does", () => {
    const bytes = file(tensor({ dtype: "F8_E4M3" }), [1, 2]);
    expect(() => parseSafetensors(bytes, { file: "w.safetensors" })).toThrow(
      'tensor "a" has the dtype "F8_E4M3" (w.safetensors). Convert it to one of F64, F32, F16,',
    );
  });
});

test("parseSafetensors: 3000 damaged files give a clear error or tensors that fill the file", () => {
  const random = createRandom(1);
  const whole = serialiseSafetensors(
    [
      ["layers.0.weight", { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ["layers.0.bias", { dtype: "F16", shape: [3], data: Uint16Array.of(1, 2, 3) }],
      ["step", { dtype: "I64", shape: [], data: BigInt64Array.of(7n) }],
    ],
    { format: "pt" },
  );
  let refused = 0;
  for (let round = 0; round < 3000; round++) {
    const cut = round % 3 === 0;
    const bytes = cut ? whole.slice(0, random.integer(whole.length)) : whole.slice();
    if (!cut)
      for (let flips = 1 + random.integer(3); flips > 0; flips--)
        bytes[random.integer(bytes.length)]! ^= 1 << random.integer(8);
    try {
      const { tensors } = parseSafetensors(bytes);
      expect(cut).toBe(false);
      expect([...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0)).toBe(24 + 6 + 8);
    } catch (error) {
      if (!(error instanceof SkySenseError)) throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(2000);
});

test.each(["layers.0.weight", "step"])("parseSafetensors: a flipped bit in the data changes %s alone", (name) => {
  const tensors: [string, StoredTensor][] = [
    ["layers.0.weight", { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) }],
    ["step", { dtype: "I64", shape: [], data: BigInt64Array.of(7n) }],
  ];
  const bytes = serialiseSafetensors(tensors);
  const { data } = parseSafetensors(bytes).tensors.get(name)!;
  bytes[data.byteOffset]! ^= 1;
  const changed = [...parseSafetensors(bytes).tensors].filter(
    ([key, { data }]) => `${data}` !== `${tensors.find(([other]) => other === key)![1].data}`,
  );
  expect(changed.map(([key]) => key)).toEqual([name]);
});

test("toFloat32: widens, rounds and passes float32 through uncopied", () => {
  const data = Float32Array.of(1);
  expect(toFloat32({ dtype: "F32", shape: [1], data })).toBe(data);
  expect(toFloat32({ dtype: "BF16", shape: [1], data: Uint16Array.of(0x3fc0) })).toEqual(Float32Array.of(1.5));
  expect(toFloat32({ dtype: "I64", shape: [1], data: BigInt64Array.of(-3n) })).toEqual(Float32Array.of(-3));
  expect(toFloat32({ dtype: "F64", shape: [1], data: Float64Array.of(0.1) })).toEqual(Float32Array.of(0.1));
});
