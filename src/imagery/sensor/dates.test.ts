import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findDate, parseDate } from "./dates.ts";

describe("parseDate", () => {
  test("parseDate: reads the forms in which dates come", () => {
    expect(parseDate("2020-01-05")).toBe("2020-01-05");
    expect(parseDate("20200105")).toBe("2020-01-05");
    expect(parseDate("20200105T103421")).toBe("2020-01-05T10:34:21Z");
    expect(parseDate("2020-01-05T10:34:21.024Z")).toBe("2020-01-05T10:34:21Z");
    expect(parseDate("2016:08:16 09:01:02")).toBe("2016-08-16T09:01:02Z");
  });

  test("parseDate: refuses what is no date", () => {
    for (const text of ["2020-02-30", "2021-02-29", "2020-13-01", "summer", "", "0000:00:00 00:00:00", "20201301"]) {
      expect(parseDate(text), text).toBeUndefined();
    }
  });

  test("parseDate: gives back every day of JavaScript's calendar, in every form", () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date("1972-01-01"), max: new Date("2099-12-31"), noInvalidDate: true }),
        (date) => {
          const second = `${date.toISOString().slice(0, 19)}Z`;
          const day = second.slice(0, 10);
          expect(parseDate(day)).toBe(day);
          expect(parseDate(day.replaceAll("-", ""))).toBe(day);
          expect(parseDate(second)).toBe(second);
          expect(parseDate(second.replace(/[-:Z]/g, ""))).toBe(second);
        },
      ),
    );
  });
});

describe("findDate", () => {
  test("findDate: knows product names", () => {
    expect(findDate("S2A_MSIL2A_20170617T113321_36_85")?.date).toBe("2017-06-17T11:33:21Z");
    expect(findDate("S1A_IW_GRDH_1SDV_20200103T170841_20200103T170906_030633")?.date).toBe("2020-01-03T17:08:41Z");
    expect(findDate("m_4709661_ne_14_060_20200831_20201103.tif")?.date).toBe("2020-08-31");
    expect(findDate("20090818.tif")?.date).toBe("2009-08-18");
  });

  test("findDate: numbers that are no dates are passed over", () => {
    expect(findDate("airport_159.jpg")).toBeUndefined();
    expect(findDate("tile_20201399_4.tif")).toBeUndefined();
    expect(findDate("id120200105999.tif")).toBeUndefined();
  });
});
