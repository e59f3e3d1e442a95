import { expect, test } from "vitest";
import { blockCache } from "./block-cache.ts";
import { openNpy } from "./open-npy.ts";
import { memorySource } from "./source.ts";

/** Written by numpy 2.4.6: `np.save(file, array)`. */
const saved = {
  // np.arange(-6, 6, dtype="<i2").reshape(1, 2, 2, 3)
  series:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGkyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsIDIsIDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr6//v//P/9//7///8AAAEAAgADAAQABQA=",
  // (np.arange(6) / 4).astype(">f4").reshape(2, 3)
  bigEndian:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPmY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAPoAAAD8AAAA/QAAAP4AAAD+gAAA=",
  // (np.arange(6) / 4 - 1).astype("<f2").reshape(1, 2, 3)
  half: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsIDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAvAC6ALgAtAAAADQ=",
  // np.arange(4, dtype="<i8").reshape(2, 2) - 2
  whole:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr+////////////////////AAAAAAAAAAABAAAAAAAAAA==",
  // np.asfortranarray(np.arange(6, dtype="u1").reshape(2, 3))
  fortran:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMyksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAwEEAgU=",
  // np.zeros((2, 2), "<c8")
  complex:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGM4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
  // np.zeros(3, "u1")
  line: "k05VTVBZAQB2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAA=",
} as const;

const open = (name: keyof typeof saved, { short = 0 } = {}) => {
  const bytes = new Uint8Array(Buffer.from(saved[name], "base64"));
  const source = memorySource("a.npy", bytes.subarray(0, bytes.length - short));
  return openNpy(source, { cache: blockCache(2 ** 20), worldFile: undefined });
};

test("openNpy: dates and bands of an array become date-major bands, read by window", async () => {
  const raster = await open("series");
  expect([raster.bands.length, raster.grid.height, raster.grid.width]).toEqual([2, 2, 3]);
  expect([...(await raster.read()).data]).toEqual([-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5]);
  expect([...(await raster.read({ bands: [1], window: [1, 1, 2, 1] })).data]).toEqual([4, 5]);
});

test("openNpy: big-endian numbers, halves and 64-bit whole numbers", async () => {
  const values = async (name: keyof typeof saved) => [...(await (await open(name)).read()).data];
  expect(await values("bigEndian")).toEqual([0, 0.25, 0.5, 0.75, 1, 1.25]);
  expect(await values("half")).toEqual([-1, -0.75, -0.5, -0.25, 0, 0.25]);
  expect(await values("whole")).toEqual([-2, -1, 0, 1]);
});

test("openNpy: what is no image, or not all there, is said in one sentence", async () => {
  await expect(open("fortran")).rejects.toThrow(
    "an .npy file in Fortran order (a.npy). Save it anew with numpy.save",
  );
  await expect(open("complex")).rejects.toThrow("an .npy file of numbers of the type c8");
  await expect(open("line")).rejects.toThrow("an .npy file of the shape [3], which is no image");
  await expect(open("series", { short: 1 })).rejects.toThrow("the file has 151 bytes, and 152 are due");
  await expect(open("series", { short: 100 })).rejects.toThrow("(a.npy)");
});
