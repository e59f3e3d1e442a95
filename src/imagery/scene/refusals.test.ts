import { describe, expect, test } from "vitest";
import { input, refused, rgb, s1, s2, s2Values, scene } from "../../../test/support/scenes.ts";
import type { FileDescription } from "../sensor/description.ts";
import { bandOrders, modelBands } from "../sensor/profiles.ts";

describe("what is refused", () => {
  test("inspectFile: bands without names are refused with the order that they look like", async () => {
    const order = bandOrders.eurosat!.bands;
    const values = { ...s2Values, B01: 1250, B02: 1000, B09: 900 };
    const raster = s2(order, { bands: order.map(() => ({})), value: (b, col) => values[order[b]! as "B01"] + col });
    expect(await refused(scene([raster]))).toMatch(/^BANDS_UNKNOWN: .*\{"bands": "eurosat"\}.*--s2\.bands eurosat/);
    const opened = await scene([input(raster, { bands: "eurosat", offset: 0 })]);
    const { s2: stack } = await opened.read([0, 0, 1, 1]);
    expect([...stack!.data]).toEqual(modelBands("s2").map((band) => values[band as "B01"]));
    expect(stack!.dates).toEqual(["2020-01-05"]);
  });

  test("inspectFile: a series needs bands and dates, date after date", async () => {
    const names = modelBands("s2");
    const series = s2(names, {
      path: "series.tif",
      bands: Array.from({ length: 30 }, () => ({})),
      value: (b, col) => s2Values[names[b % 10]!]! + 100 * Math.floor(b / 10) + col,
    });
    expect(await refused(scene([input(series, { sensor: "s2", bands: "model" })]))).toMatch(
      /^DATES_MISSING: the file has 3 dates/,
    );
    expect(await refused(scene([input(series, { bands: "model", dates: ["2020-01-05"] })]))).toMatch(
      /^DATE_COUNT: 1 dates .* 3 dates/,
    );
    const bad: FileDescription = { bands: "model", dates: ["2020-01-05", "2020-02-30", "2020-03-01"] };
    expect(await refused(scene([input(series, bad)]))).toMatch(/^BAD_DATE: "2020-02-30" is no date/);
    expect(await refused(scene([input(series, { bands: "l2a", dates: "unknown" })]))).toMatch(
      /^BAND_COUNT: 12 bands/,
    );
    const good: FileDescription = { bands: "model", dates: ["2020-03-05", "2020-01-05", "2020-02-05"] };
    const { s2: stack } = await (await scene([input(series, good)])).read([0, 0, 1, 1]);
    expect(stack!.dates).toEqual(["2020-01-05", "2020-02-05", "2020-03-05"]);
    expect([0, 1, 2].map((t) => stack!.data[t * 10]! - s2Values.B02!)).toEqual([100, 200, 0]);
  });

  test("inspectFile: the +1000 of baseline 04.00 is refused, and taken off when said", async () => {
    const plus = s2(undefined, { value: (b, col) => s2Values[modelBands("s2")[b]!]! + 500 + col });
    const message = await refused(scene([plus]));
    expect(message).toMatch(/^OFFSET_NOT_APPLIED: hardly a value lies below 10\d\d.*"offset": -1000/);
    const { s2: stack } = await (await scene([input(plus, { offset: -1000 })])).read([0, 0, 1, 1]);
    expect(stack!.data[0]).toBe(s2Values.B02! - 500);
    expect(await refused(scene([input(plus, { offset: 0 })]))).toBe("accepted");
  });

  test("inspectFile: a product named N0510 whose dark pixels show that nothing is left is accepted, and says so", async () => {
    const { decisions } = await scene([s2(undefined, { path: "S2A_MSIL2A_20230105T103421_N0510_R108.tif" })]);
    expect(decisions.find(({ what }) => what.startsWith("no offset"))!.from).toMatch(/N0510.*values down to 5\d\d/);
  });

  test("inspectFile: an unknown file is refused with the sensors there are", async () => {
    const gray = rgb({ path: "x.tif", bands: [{}], type: "uint16" });
    expect(await refused(scene([gray]))).toBe(
      "SENSOR_UNKNOWN: it is not said which sensor this file of 1 uint16 band is of (x.tif). " +
        'Write {"sensor": "s2"} into x.tif.skysense.json or pass --sensor s2; sensors are hr, s2 and s1.',
    );
  });

  test("inspectFile: units are refused with the line to write", async () => {
    expect(
      await refused(scene([s1({ type: "int16", value: (b, col) => -1100 - 700 * b + 90 * (col % 7) })])),
    ).toMatch(
      /^UNITS_SCALED_DB: .*Write \{"units": "dB\*100"\} into s1\.tif\.skysense\.json or pass --s1\.units "dB\*100"\.$/,
    );
  });
});
