import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, describe as group, test } from "vitest";
import type { SkySenseError } from "../../core/error.ts";
import type { Place, SensorName } from "../../core/place.ts";
import { normalise } from "../sensor/normalise.ts";
import { profiles } from "../sensor/profiles.ts";
import { describe } from "./describe.ts";
import { type OpenSceneOptions, openScene } from "./open-scene.node.ts";

const data = process.env.SKYSENSE_DATA ?? "";
if (data === "") console.log("SKYSENSE_DATA is not set: tests on real scenes are skipped");

const paths = (...files: string[]) => files.map((file) => join(data, file));

/** An example sidecar, as if it stood in the folder of its data. */
function sidecar(name: string, folder: string): OpenSceneOptions["describe"] {
  const json = JSON.parse(readFileSync(join("examples/sidecars", name), "utf8"));
  for (const file of json.files ?? []) file.file = join(data, folder, file.file);
  return json;
}

async function codeOf(inputs: string[], options: OpenSceneOptions = {}): Promise<string> {
  try {
    await (await openScene(inputs, options)).close();
    return "accepted";
  } catch (error) {
    expect((error as SkySenseError).remedy).toBeTruthy();
    return (error as SkySenseError).code;
  }
}

/** Open, read everything, and check what must hold of every stack. */
async function readAll(inputs: string[], options: OpenSceneOptions = {}): Promise<Place> {
  const scene = await openScene(inputs, options);
  const place = await scene.read([0, 0, scene.grid.width, scene.grid.height]);
  for (const sensor of ["hr", "s2", "s1"] as const) {
    const stack = place[sensor];
    if (stack === undefined) continue;
    const values = normalise(stack, profiles[sensor]);
    let worst = 0;
    for (const value of values)
      worst = Number.isFinite(value) ? Math.max(worst, Math.abs(value)) : Number.POSITIVE_INFINITY;
    expect(worst, sensor).toBeLessThan(20);
  }
  const described = await describe(scene);
  for (const { bands } of described.sensors)
    for (const { normalised } of bands) expect(normalised.std).toBeGreaterThan(0.01);
  await scene.close();
  return place;
}

const shape = (place: Place, sensor: SensorName) => place[sensor]?.shape.join(" × ");

group.skipIf(data === "")("real scenes", () => {
  test("treesatai-ts-sample: three sensors on 10 m cells, after bands, dates and units are said", async () => {
    const folder = "treesatai-ts-sample";
    const files = ["aerial_20cm.tif", "s2_10m.tif", "s1_asc_f32.tif", "s1_des_f32.tif"].map(
      (file) => `${folder}/${file}`,
    );
    expect(await codeOf(paths(...files))).toBe("BANDS_UNKNOWN");
    expect(await codeOf(paths(files[2]!), { s1: { bands: "vvvh", dates: "unknown" } })).toBe("UNITS_LINEAR");
    const place = await readAll(paths(...files), { describe: sidecar("treesatai.json", folder) });
    expect([shape(place, "hr"), shape(place, "s2"), shape(place, "s1")]).toEqual([
      "1 × 4 × 192 × 192",
      "146 × 10 × 6 × 6",
      "146 × 2 × 6 × 6",
    ]);
    expect(place.hr!.bands).toEqual(["R", "G", "B", "NIR"]);
    expect(place.s1!.dates).toEqual(place.s1!.dates!.toSorted());
    expect(place.location!.longitude).toBeCloseTo(9.958, 3);
    expect(place.location!.latitude).toBeCloseTo(52.085, 3);
  });

  test("worldcereal-places/belgium_a: 10 and 20 m bands of 118 dates join; dB × 100 has to be said", async () => {
    const folder = "worldcereal-places/belgium_a";
    const files = ["s2_10m.tif", "s2_20m.tif", "s1_20m_db100.tif", "scl_20m.tif"].map((file) => `${folder}/${file}`);
    expect(await codeOf(paths(...files))).toBe("UNITS_SCALED_DB");
    const describe = sidecar("worldcereal.json", folder);
    const place = await readAll(paths(...files), { describe });
    expect([shape(place, "s2"), shape(place, "s1")]).toEqual(["118 × 10 × 64 × 64", "159 × 2 × 64 × 64"]);
    const clear = await readAll(paths(...files), { describe, maxCloud: 0.05, maxDates: 12 });
    expect(clear.s2!.shape[0]).toBe(12);
  });

  test("terramesh-5places: the offset is found in the L1C files and in one L2A file, and nowhere else", async () => {
    const root = join(data, "terramesh-5places");
    const codes: Record<string, string> = {};
    for (const place of readdirSync(root).filter((name) => !name.endsWith(".json"))) {
      for (const file of readdirSync(join(root, place)).filter((name) => name.startsWith("s2"))) {
        codes[`${place}/${file}`] = await codeOf([join(root, place, file)]);
      }
    }
    const found = Object.keys(codes).filter((file) => codes[file] === "OFFSET_NOT_APPLIED");
    expect(found.sort()).toEqual([
      "282D_485L_3_3/s2_l1c.tif",
      "433D_629L_3_1/s2_l2a.tif",
      "609U_541L_3_0/s2_l1c.tif",
    ]);
    expect(Object.values(codes).filter((code) => code === "accepted")).toHaveLength(4);
    const folder = "terramesh-5places/282D_485L_3_3";
    const files = paths(`${folder}/s1_rtc_db100.tif`, `${folder}/s2_l1c.tif`);
    const place = await readAll(files, { describe: sidecar("terramesh-l1c.json", folder) });
    expect([shape(place, "s2"), shape(place, "s1")]).toEqual(["1 × 10 × 224 × 224", "1 × 2 × 224 × 224"]);
    expect(place.location!.latitude).toBeLessThan(-20);
  });

  test("sen1floods11: dB × 100 is refused everywhere, VH before VV too, and Paraguay holds nothing", async () => {
    const root = join(data, "sen1floods11");
    for (const place of readdirSync(root).filter((name) => !name.endsWith(".json"))) {
      const file = [join(root, place, "s1_db100.tif")];
      const empty = place === "Paraguay_34417";
      expect(await codeOf(file), place).toBe(empty ? "ALL_NODATA" : "UNITS_SCALED_DB");
      expect(await codeOf(file, { s1: { units: "dB*100" } }), place).toBe(empty ? "ALL_NODATA" : "accepted");
      expect(await codeOf(file, { s1: { units: "dB*100", bands: "vhvv" } }), place).toBe(
        empty ? "ALL_NODATA" : "BAND_ORDER",
      );
    }
    const folder = "sen1floods11/Spain_7370579";
    const files = paths(`${folder}/s1_db100.tif`, `${folder}/s2_l1c.tif`);
    const place = await readAll(files, { describe: sidecar("sen1floods11.json", folder) });
    expect([shape(place, "s2"), shape(place, "s1")]).toEqual(["1 × 10 × 224 × 224", "1 × 2 × 224 × 224"]);
  });

  test("naip-series: ten dates from the file names, on the grid of the first", async () => {
    const files = readdirSync(join(data, "naip-series")).filter((name) => name.endsWith(".tif"));
    const place = await readAll(paths(...files.map((file) => `naip-series/${file}`)));
    expect(shape(place, "hr")).toBe("10 × 4 × 224 × 224");
    expect(place.hr!.dates![0]).toBe("2009-08-18");
    let refused = 0;
    for (const file of files) {
      if ((await codeOf(paths(`naip-series/${file}`), { hr: { bands: "nirrgb" } })) === "BAND_ORDER") refused++;
    }
    // Two of the dates show hardly any vegetation.
    expect(refused).toBeGreaterThanOrEqual(8);
  });

  test("eolearn-slovenia: bands and dates have to be said, and unknown dates may be unknown", async () => {
    const file = paths("eolearn-slovenia/reference_scenes_s2_l1c.tif");
    expect(await codeOf(file)).toBe("BANDS_UNKNOWN");
    expect(await codeOf(file, { s2: { bands: "l1c" } })).toBe("DATES_MISSING");
    const place = await readAll(file, { describe: sidecar("eolearn.json", "eolearn-slovenia") });
    expect(shape(place, "s2")).toBe("5 × 10 × 101 × 100");
    expect(place.s2!.dates).toEqual(new Array(5).fill(undefined));
  });

  test("eurosat-ms: refused without the order, accepted with it, and never silent about a wrong one", async () => {
    const { items } = JSON.parse(readFileSync(join(data, "eurosat-ms/index.json"), "utf8")) as {
      items: { file: string }[];
    };
    let refused = 0;
    for (const { file } of items.filter((_, i) => i % 4 === 0)) {
      const path = paths(`eurosat-ms/${file}`);
      expect(await codeOf(path), file).toBe("BANDS_UNKNOWN");
      expect(await codeOf(path, { describe: sidecar("eurosat.json", "") }), file).toBe("accepted");
      try {
        const scene = await openScene(path, { s2: { bands: "l1c" } });
        expect(scene.warnings.join(), file).toContain("check their order");
      } catch (error) {
        expect((error as SkySenseError).code, file).toBe("BAND_ORDER");
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(0.9 * (items.length / 4));
    const place = await readAll(paths(`eurosat-ms/${items[0]!.file}`), { describe: sidecar("eurosat.json", "") });
    expect(shape(place, "s2")).toBe("1 × 10 × 64 × 64");
  });

  test("an AID picture: RGB without place and date", async () => {
    const [file] = readdirSync(join(data, "aid/Airport"));
    const place = await readAll(paths(`aid/Airport/${file}`));
    expect(shape(place, "hr")).toBe("1 × 3 × 160 × 160");
    expect([place.location, place.hr!.dates]).toEqual([undefined, [undefined]]);
  });

  test("bigearthnet-sample: twelve files of one band each become one image with the folder's date", async () => {
    const folder = "bigearthnet-sample/S2A_MSIL2A_20170617T113321_36_85";
    const files = readdirSync(join(data, folder)).map((file) => `${folder}/${file}`);
    const place = await readAll(paths(...files));
    expect(shape(place, "s2")).toBe("1 × 10 × 120 × 120");
    expect(place.s2!.dates).toEqual(["2017-06-17T11:33:21Z"]);
  });

  test("sen1floods11: a picture in UTM is warped onto the cells in degrees, and covers its part of them", async () => {
    const file = paths("sen1floods11/Spain_7370579/s1_db100.tif");
    const described = { s1: { units: "dB*100", nodata: -32768 } };
    const picture = paths("aid/Airport/airport_159.jpg");
    const hr = {
      crs: "EPSG:32630",
      bounds: [696_800, 4_219_300, 698_000, 4_220_500] as [number, number, number, number],
    };
    const degrees = await openScene(file, described);
    const both = await openScene([...picture, ...file], { ...described, hr, reproject: true, hrPixelsPerCell: 4 });
    expect([both.grid.crs, both.grid.width]).toEqual(["EPSG:4326", 224]);
    const place = await both.read([0, 0, 224, 224]);
    const plain = await degrees.read([0, 0, 224, 224]);
    expect(place.s1!.data).toEqual(plain.s1!.data);
    // The picture covers 1200 m of the 2200 m of the place, and nothing else.
    const covered = place.hr!.mask!.reduce((sum, valid) => sum + valid, 0) / place.hr!.mask!.length;
    expect(covered).toBeGreaterThan(0.2);
    expect(covered).toBeLessThan(0.45);
    await both.close();
    await degrees.close();
  });

  test("worldcereal-monthly: a file of two sensors is refused", async () => {
    const file = join(data, "worldcereal-monthly/belgium_d/monthly_s2_s1.tif");
    expect(await codeOf([file])).toBe("TWO_SENSORS");
    const place = await readAll([file], { sensor: "s2" });
    expect(shape(place, "s2")).toBe("20 × 9 × 96 × 96");
  });
});
