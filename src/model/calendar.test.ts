import { expect, test } from "vitest";
import { dayIndex } from "./calendar.ts";

test("dayIndex: counts days of the year from zero, in UTC", () => {
  expect(dayIndex("2023-01-01")).toBe(0);
  expect(dayIndex("2023-03-01")).toBe(59);
  expect(dayIndex("2023-12-31")).toBe(364);
  expect(dayIndex("2023-03-01T23:59:59-11:00")).toBe(59);
  expect(dayIndex("2023-03-01 08:00:00")).toBe(59);
});

test("dayIndex: every day of a year in turn, whatever the time zone of the computer", () => {
  for (const year of [2021, 2024]) {
    const first = Date.UTC(year, 0, 1);
    for (let day = 0; day < 365; day++) {
      const date = new Date(first + day * 86_400_000).toISOString().slice(0, 10);
      expect(dayIndex(date), date).toBe(day);
    }
  }
});

test("dayIndex: a leap day counts, and 31 December of a leap year shares the last row", () => {
  expect(dayIndex("2020-02-29")).toBe(59);
  expect(dayIndex("2020-03-01")).toBe(60);
  expect(dayIndex("2020-12-30")).toBe(364);
  expect(dayIndex("2020-12-31")).toBe(364);
  expect(dayIndex("2020-12-31", 366)).toBe(365);
  expect(dayIndex("1900-03-01")).toBe(59); // no leap year
});

test.each([
  "2023-02-29",
  "2023-13-01",
  "2023-00-10",
  "2023-04-31",
  "17.05.2023",
  "2023-5-7",
  "2023-05-17x",
  "",
  "today",
])('dayIndex: "%s" is refused with the form that is wanted', (date) => {
  expect(() => dayIndex(date)).toThrow(`"${date}" is no date. Write dates as "2023-05-17".`);
  expect(() => dayIndex(date)).toThrow(expect.objectContaining({ code: "BAD_DATE" }));
});
