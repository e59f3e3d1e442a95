import { expect, test } from "vitest";
import { bandNamed, readBandText, sensorsKnowing } from "./band-names.ts";
import { bandOrders, modelBands, profiles } from "./profiles.ts";

test("bandNamed: knows the usual names of Sentinel-2 bands", () => {
  const names = [
    "B2",
    "b02",
    "B8A",
    "blue",
    "nir08",
    "red edge 1",
    "rededge2",
    "B11",
    "swir22",
    "B4, central wavelength 665 nm",
  ];
  expect(names.map((name) => bandNamed("s2", name))).toEqual([
    "B02",
    "B02",
    "B8A",
    "B02",
    "B8A",
    "B05",
    "B06",
    "B11",
    "B12",
    "B04",
  ]);
  expect(bandNamed("s2", "T32UQD_20200103T102421_B04_10m")).toBe("B04");
  expect(bandNamed("s1", "Sigma0_VV_db")).toBe("VV");
  expect(bandNamed("hr", "Near Infrared")).toBe("NIR");
});

test("bandNamed: numbers of bands say nothing, since every writer numbers its bands", () => {
  expect(bandNamed("s2", "Band 1")).toBeUndefined();
  expect(bandNamed("s2", "QA60")).toBeUndefined();
  expect(bandNamed("hr", "a blue lake")).toBeUndefined();
});

test("readBandText: separates date and band", () => {
  expect(readBandText("2017-08-04T10:53:28Z B02")).toEqual({ date: "2017-08-04T10:53:28Z", text: "B02" });
  expect(readBandText("B8A_20200105")).toEqual({ date: "2020-01-05", text: "B8A" });
  expect(readBandText(undefined)).toEqual({ text: "" });
});

test("sensorsKnowing: colours alone may be of two sensors", () => {
  expect(sensorsKnowing(["red", "green", "blue", "nir"])).toEqual(["hr", "s2"]);
  expect(sensorsKnowing(["R", "G", "B"])).toEqual(["hr"]);
  expect(sensorsKnowing(["VV", "VH"])).toEqual(["s1"]);
});

test("profiles: the model's order is that of the specification, and every known order names bands that exist", () => {
  expect(modelBands("s2").join(" ")).toBe("B02 B03 B04 B05 B06 B07 B08 B8A B11 B12");
  expect(modelBands("s1")).toEqual(["VV", "VH"]);
  for (const [name, { sensor, bands }] of Object.entries(bandOrders)) {
    const known = profiles[sensor].bands.map((band) => band.name);
    expect(
      bands.filter((band) => !known.includes(band)),
      name,
    ).toEqual([]);
    expect(new Set(bands).size, name).toBe(bands.length);
  }
  // The official loader reads bands 1, 2, 3, 5, 6, 7, 4, 8, 9, 10 of a file in that order.
  const file = bandOrders.skysense!.bands;
  expect([1, 2, 3, 5, 6, 7, 4, 8, 9, 10].map((n) => file[n - 1])).toEqual(modelBands("s2"));
});
