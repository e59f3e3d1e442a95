import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseDescription } from "../sensor/description.ts";
import { type OpenSceneOptions, openScene } from "./open-scene.node.ts";

let folder: string;
const at = (name: string) => join(folder, name);
const message = (options: OpenSceneOptions, ...files: string[]) =>
  openScene(files.map(at), options).then(
    () => "accepted",
    (error: Error) => error.message.replaceAll(`${folder}/`, ""),
  );

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "scene-"));
  const pixels = Buffer.from(Array.from({ length: 40 * 30 * 3 }, (_, i) => (i * 7) % 250));
  const picture = sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } });
  for (const name of ["a.png", "b.png", "c.png"]) await picture.clone().png().toFile(at(name));
});
afterAll(() => rm(folder, { recursive: true }));

test("openScene: dates come from one description of several files, and from a sidecar beside one", async () => {
  await writeFile(
    at("both.json"),
    JSON.stringify({
      files: [
        { file: "b.png", dates: "2020-06-01" },
        { file: "a.png", dates: "2021-06-01" },
      ],
    }),
  );
  const scene = await openScene([at("a.png"), at("b.png")], { describe: at("both.json"), hrPixelsPerCell: 10 });
  expect(scene.sensors[0]!.dates).toEqual(["2020-06-01", "2021-06-01"]);
  expect(scene.decisions.find(({ what }) => what === "date 2020-06-01")!.from).toBe(at("both.json"));
  await scene.close();

  await writeFile(at("c.png.skysense.json"), JSON.stringify({ sensor: "hr", dates: "2019-01-31" }));
  const beside = await openScene([at("c.png")]);
  expect(beside.sensors[0]!.dates).toEqual(["2019-01-31"]);
  const option = await openScene([at("c.png")], {
    hr: { dates: "2018-01-31" },
    location: { longitude: 8, latitude: 50 },
  });
  expect(option.sensors[0]!.dates).toEqual(["2018-01-31"]);
  expect((await option.read([0, 0, 1, 1])).location).toEqual({ longitude: 8, latitude: 50 });
});

test("openScene: a description that is wrong is refused in one sentence with the field", async () => {
  await writeFile(at("bad.json"), '{"files": [{"file": "a.png", "units": 7}]}');
  expect(await message({ describe: at("bad.json") }, "a.png")).toMatch(
    /^the description is not valid: files\[0\]\.units: .*expected string.* \(bad\.json\)\. An example: /,
  );
  await writeFile(at("comma.json"), '{"files": [{"file": "a.png"},]}');
  expect(await message({ describe: at("comma.json") }, "a.png")).toMatch(
    /^the description is no JSON: .* \(comma\.json\)\. Correct it/,
  );
  expect(await message({ describe: at("none.json") }, "a.png")).toBe(
    "the description does not exist (none.json). Check the path.",
  );
  expect(await message({ describe: { files: [{ file: at("z.png") }] } }, "a.png")).toMatch(
    /^the description is of z\.png, which is not among the inputs/,
  );
  expect(await message({ hr: { dates: "31.12.2020" } }, "a.png")).toBe(
    '"31.12.2020" is no date (option hr) (a.png). Write {"dates": "2020-01-03"} into a.png.skysense.json or pass --hr.dates 2020-01-03.',
  );
});

test("openScene: a cancelled call rejects with the signal's reason", async () => {
  const reason = new Error("enough");
  await expect(openScene([at("a.png")], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});

test("parseDescription: unknown fields, unknown orders and impossible places are refused", () => {
  const refused = (json: unknown) => {
    try {
      parseDescription(json, "x.json");
      return "accepted";
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(refused({ sensors: "s2" })).toMatch(/Unrecognized key.*sensors/);
  expect(refused({ bands: "sentinel" })).toMatch(/bands: expected band names or one of rgb, rgbnir/);
  expect(refused({ bands: "B02,B03" })).toBe("accepted");
  expect(refused({ files: [{ sensor: "s2" }] })).toMatch(/files\[0\]\.file/);
  expect(refused({ files: [{ file: "a" }], location: { longitude: 200, latitude: 0 } })).toMatch(
    /location\.longitude/,
  );
  expect(refused([])).toMatch(/not valid/);
});
