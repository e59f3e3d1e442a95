import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../test/support/cli.ts";
import { SkySenseError } from "../core/error.ts";
import { parsePlaceLine, readPlaceList } from "./place-list.node.ts";

const from = { folder: "/lists", where: "/lists/places.jsonl:7" };
const parse = (line: unknown) => parsePlaceLine(typeof line === "string" ? line : JSON.stringify(line), from);

test("parsePlaceLine: files are relative to the list, URLs are not", () => {
  expect(parse({ files: ["a/s2.tif", "/b/s1.tif", "https://example.com/hr.tif"] })).toEqual({
    id: "a/s2.tif",
    source: { files: ["/lists/a/s2.tif", "/b/s1.tif", "https://example.com/hr.tif"] },
  });
});

test("parsePlaceLine: everything that a place may say", () => {
  const options = { maxDates: 4, maxCloud: 0.1, s1: { units: "dB*100" } };
  const line = {
    id: "one",
    sensors: ["s1"],
    files: ["s1.tif"],
    describe: "d/s1.json",
    options,
    location: [10, 50],
    window: [0, 8, 4, 4],
  };
  expect(parse(line)).toEqual({
    id: "one",
    sensors: ["s1"],
    source: {
      files: ["/lists/s1.tif"],
      options: { ...options, describe: "/lists/d/s1.json", location: { longitude: 10, latitude: 50 } },
      window: [0, 8, 4, 4],
    },
  });
});

test("parsePlaceLine: a description in the line names files as the list does", () => {
  const files = [{ file: "t1.tif", dates: "2016-01-20", sensor: "s2" }];
  const { source } = parse({ files: ["t1.tif"], describe: { files } });
  expect(source.options!.describe).toEqual({ files: [{ ...files[0], file: "/lists/t1.tif" }] });
});

test("parsePlaceLine: patches of one file have names of their own", () => {
  expect(parse({ files: ["a.tif"], window: [64, 0, 32, 32] }).id).toBe("a.tif@64,0");
});

test("parsePlaceLine: the result is plain data, which goes to threads", () => {
  const entry = parse({ files: ["a.tif"], options: { s2: { bands: "eurosat" } }, window: [0, 0, 1, 1] });
  expect(structuredClone(entry)).toEqual(entry);
});

test.each([
  ["no JSON", '{"files": [', "it is no JSON"],
  ["no files", "{}", "files:"],
  ["no file in files", '{"files": []}', "files:"],
  ["an unknown field", '{"files": ["a.tif"], "window_px": []}', "window_px"],
  ["a window without area", '{"files": ["a.tif"], "window": [0, 0, 0, 4]}', "window[2]:"],
  ["a place beyond the globe", '{"files": ["a.tif"], "location": [0, 91]}', "location[1]:"],
  ["a description that is none", '{"files": ["a.tif"], "options": {"s2": {"bands": 4}}}', "bands"],
])("parsePlaceLine: %s is refused with file, line and field", (_, text, field) => {
  expect(() => parse(text)).toThrow(field);
  expect(() => parse(text)).toThrow("/lists/places.jsonl:7");
});

/** JSON that is often almost a place. */
const almostPlace = fc.record(
  {
    id: fc.oneof(fc.string(), fc.integer()),
    files: fc.oneof(fc.array(fc.string({ maxLength: 8 }), { maxLength: 3 }), fc.string()),
    options: fc.oneof(fc.record({ sensor: fc.constantFrom("hr", "s2", "s3") }), fc.jsonValue({ maxDepth: 2 })),
    describe: fc.oneof(fc.string(), fc.jsonValue({ maxDepth: 2 })),
    location: fc.array(fc.double({ min: -200, max: 200, noNaN: true }), { maxLength: 3 }),
    window: fc.array(fc.oneof(fc.integer({ min: -2, max: 99 }), fc.double({ noNaN: true })), { maxLength: 5 }),
  },
  { requiredKeys: [] },
);

test("parsePlaceLine: any line either parses, or the error names file and line", () => {
  const lines = fc.oneof(
    fc.string(),
    fc.json(),
    almostPlace.map((place) => JSON.stringify(place)),
  );
  fc.assert(
    fc.property(lines, (line) => {
      try {
        const { id, source } = parse(line);
        expect(id).not.toBe("");
        expect(source.files.every((file) => file.startsWith("/") || /^https?:/.test(file))).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(SkySenseError);
        expect((error as SkySenseError).where).toMatch(/^\/lists\/places\.jsonl:7/);
      }
    }),
    { numRuns: 500 },
  );
});

test("readPlaceList: reads line by line, passes over empty ones, and counts them for messages", async () => {
  const folder = temporaryFolder();
  const file = join(folder, "places.jsonl");
  writeFileSync(file, '{"files": ["a.jpg"]}\r\n\n  \n{"files": ["b.jpg"]}\n');
  const needs = { hrPixelsPerCell: 16 };
  expect(await readPlaceList(file, needs)).toEqual([
    { id: "a.jpg", source: { files: [resolve(folder, "a.jpg")], options: needs } },
    { id: "b.jpg", source: { files: [resolve(folder, "b.jpg")], options: needs } },
  ]);
  writeFileSync(file, '{"files": ["a.jpg"]}\n\n{"files": "b.jpg"}\n');
  await expect(readPlaceList(file)).rejects.toMatchObject({ code: "BAD_PLACE_LIST", where: `${file}:3` });
  writeFileSync(file, "\n");
  await expect(readPlaceList(file)).rejects.toMatchObject({ code: "NO_PLACES", where: file });
  await expect(readPlaceList(join(folder, "gone.jsonl"))).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
});
