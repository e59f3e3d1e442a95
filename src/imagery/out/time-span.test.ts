import { expect, test } from "vitest";
import { timeSpan } from "./time-span.ts";

test("timeSpan: days, months, times and gaps", () => {
  expect(timeSpan(["2023-05-17"])).toEqual({ start: "2023-05-17T00:00:00Z", end: "2023-05-17T23:59:59Z" });
  expect(timeSpan(["2024-02", undefined])).toEqual({ start: "2024-02-01T00:00:00Z", end: "2024-02-29T23:59:59Z" });
  expect(timeSpan(["2023-05-17T10:30:00+02:00"])).toEqual({
    start: "2023-05-17T08:30:00Z",
    end: "2023-05-17T08:30:00Z",
  });
  expect(timeSpan(["2023-05-17 10:30:00", "2021"])).toEqual({
    start: "2021-01-01T00:00:00Z",
    end: "2023-05-17T10:30:00Z",
  });
  expect(timeSpan([undefined, "spring", "2023-13-01"])).toBeUndefined();
});
