import { expect, test } from "vitest";
import { input, refused, rgb, s2, scene, utm } from "../../../test/support/scenes.ts";

const picture = (value: number, options: object = {}) => rgb({ value: (b) => value + b, ...options });

test("moments: files of one moment each stay in the order that they are given in, whatever their dates", async () => {
  const [first, second] = [
    input(picture(10), { dates: ["2021-05-01"] }),
    input(picture(20, { path: "b.tif" }), { dates: ["2019-05-01"] }),
  ];
  const opened = await scene([first, second], { hrPixelsPerCell: 1, moments: [1, 1] });
  const { hr } = await opened.read([0, 0, 2, 1]);
  expect(hr!.shape).toEqual([2, 3, 1, 2]);
  expect([hr!.data[0], hr!.data[6]]).toEqual([10, 20]);
  expect(hr!.dates).toEqual(["2021-05-01", "2019-05-01"]);
  expect(opened.warnings.at(-1)).toBe(
    "b.tif is given as the later image, but is dated 2019-05-01, before 2021-05-01",
  );
});

test("moments: pictures need no dates, and several files of a moment are its bands", async () => {
  const pair = await scene([picture(1), picture(2, { path: "b.tif" })], { hrPixelsPerCell: 1, moments: [1, 1] });
  expect((await pair.read([0, 0, 1, 1])).hr!.dates).toEqual([undefined, undefined]);
  const fine = ["B02", "B03", "B04", "B08"];
  const coarse = ["B05", "B06", "B07", "B8A", "B11", "B12"];
  const half = { width: 6, height: 4, grid: utm(20) };
  const bands = [s2(fine, { path: "a1" }), s2(coarse, { path: "a2", ...half })];
  const whole = s2([...fine, ...coarse], { path: "b" });
  const { s2: stack } = await (await scene([...bands, whole], { moments: [2, 1] })).read([0, 0, 2, 2]);
  expect(stack!.shape).toEqual([2, 10, 2, 2]);
});

test("moments: a date too many, other bands, another CRS and another sensor are refused", async () => {
  const two = { hrPixelsPerCell: 1, moments: [1, 1] };
  const both = (a: object, b: object) => [input(picture(1, a)), input(picture(2, { path: "b.tif", ...b }))];
  expect(await refused(scene([picture(1), picture(2), picture(3)], { moments: [1, 2] }))).toMatch(
    /^DATES_MISSING|^SEVERAL_DATES/,
  );
  const other = { ...utm(10), crs: "EPSG:32632" };
  expect(await refused(scene(both({ grid: utm(10) }, { grid: other }), two))).toMatch(
    /^MIXED_CRS: this file is in EPSG:32632, .*--reproject/,
  );
  expect(await refused(scene(both({}, { width: 80 }), two))).toMatch(/^SIZE_MISMATCH/);
  expect(await refused(scene([s2(["B02", "B03", "B04"]), s2(["B02", "B03"])], { moments: [1, 1] }))).toMatch(
    /^BANDS_RAGGED: one date has the s2 bands B02, B03, B04, the other B02, B03/,
  );
  expect(await refused(scene([picture(1, { grid: utm(10) }), s2()], { moments: [1, 1] }))).toMatch(
    /^MOMENT_MISSING: there is an image of hr of one date, but none of the other/,
  );
});
