import { expect, test } from "vitest";
import { type EmbedReport, embedReport } from "./embed-report.ts";
import { style } from "./style.ts";

const statistics = { min: -1, mean: 0, std: 1, max: 2 };
const report: EmbedReport = {
  title: "belgium_a",
  command: "skysense embed s2.tif --out out",
  created: "2026-11-24T12:00:00Z",
  software: "skysense 0.1.0",
  preview: { png: new Uint8Array([137, 80, 78, 71]), input: "Sentinel-2", explained: [0.5, 0.25, 0.125] },
  sensors: [
    {
      name: "s2",
      files: ["s2.tif"],
      unit: "reflectance × 10000",
      dates: ["2023-05-17", undefined, "2023-08-01"],
      gsdMetres: 10,
      findings: [{ what: "bands B02", from: "band names", files: ["s2.tif"] }],
      bands: [
        { name: "B02", raw: { min: 12, mean: 480.5, std: 200, max: 12_480 }, normalised: statistics, valid: 0.975 },
      ],
    },
  ],
  findings: [{ what: "a cell is one of 64 × 64", from: "pixels of 10 m", files: [] }],
  place: {
    location: { longitude: 4.9, latitude: -50.8 },
    sizeMetres: [1280, 640],
    crs: "EPSG:32631",
    geometry: {
      type: "Polygon",
      coordinates: [
        [
          [4, -51],
          [5, -51],
          [5, -50],
          [4, -50],
          [4, -51],
        ],
      ],
    },
  },
  model: {
    name: "skysense-nano",
    architecture: "Swin V2",
    parameters: 7_000_000,
    sha256: "ab".repeat(32),
    random: true,
  },
  dimensions: 192,
  cells: [1280, 64],
  tiles: 1204,
  tilePixels: [128, 128],
  outputs: [{ name: "features.tif", bytes: 45_678_901, what: "Dense features" }],
  seconds: { reading: 2, computing: 60, writing: 0.5 },
  warnings: [],
};

/** Whether every element is closed in order, as a reader of the page relies on. */
function unbalanced(page: string): string | undefined {
  const open: string[] = [];
  const empty = new Set(["meta", "img", "!doctype"]);
  for (const [tag, slash, name, self] of page.replace(style, "").matchAll(/<(\/?)([a-z!][a-z0-9]*)[^>]*?(\/?)>/gi)) {
    if (self === "/" || empty.has(name!.toLowerCase())) continue;
    if (slash !== "/") open.push(name!);
    else if (open.pop() !== name) return tag;
  }
  return open[0];
}

test("embedReport: says what was used, where, the numbers and the command", () => {
  const page = embedReport(report);
  expect(unbalanced(page)).toBeUndefined();
  for (const text of [
    "S2 (2 of 3 dates), as 192 features a cell and 1\u202f204 vectors.",
    "1\u202f280 × 64 cells",
    "1.28 km × 640 m",
    "50\u00a0%, 25\u00a0%, 12.5\u00a0%",
    "data:image/png;base64,iVBORw==",
    "The weights of this model are random",
    "2 of 3 dates",
    "50.8000° S, 4.9000° E",
    "EPSG:32631",
    "480.5",
    "12\u202f500",
    "97.5 %",
    "45.7 MB",
    "band names",
    "1 min 03 s",
  ]) {
    expect(page).toContain(text === "480.5" ? "481" : text);
  }
});

test("embedReport: asks nothing of the network and runs nothing", () => {
  const page = embedReport(report);
  expect(page).toContain(`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"`);
  expect(page.match(/(src|href)="(?!data:image\/png|\.\/)[^"]*"/g)).toBeNull();
  expect(page).not.toMatch(/<(script|link|iframe|object)|url\(|@import/i);
});

test("embedReport: hostile names stay text, wherever they stand", () => {
  const evil = `"><img src=x onerror=alert(1)>'<script>`;
  const page = embedReport({
    ...report,
    title: evil,
    command: evil,
    software: evil,
    created: evil,
    warnings: [evil],
    preview: { ...report.preview, input: evil },
    sensors: [
      {
        ...report.sensors[0]!,
        name: evil,
        files: [evil, evil, evil, evil],
        unit: evil,
        dates: [evil, "2023-05-17"],
        findings: [{ what: evil, from: evil, files: [evil], each: [evil] }],
        bands: [{ ...report.sensors[0]!.bands[0]!, name: evil }],
      },
    ],
    place: { ...report.place!, crs: evil },
    findings: [{ what: evil, from: evil, files: [evil] }],
    model: { ...report.model, name: evil, architecture: evil, sha256: evil, random: false, trainedOn: evil },
    outputs: [{ name: evil, bytes: 1, what: evil }],
  });
  expect(unbalanced(page)).toBeUndefined();
  expect(page).not.toMatch(/<script|<img src=x|<IMG SRC=X/i);
  expect(page.match(/<img/g)).toHaveLength(1);
});

test("embedReport: without georeference, without dates and without a valid pixel it is still a page", () => {
  const nothing = { min: Number.NaN, mean: Number.NaN, std: Number.NaN, max: Number.NaN };
  const page = embedReport({
    ...report,
    place: undefined,
    findings: [],
    sensors: [
      {
        ...report.sensors[0]!,
        dates: [undefined],
        gsdMetres: undefined,
        findings: [],
        bands: [{ name: "B02", raw: nothing, normalised: nothing, valid: 0 }],
      },
    ],
  });
  expect(unbalanced(page)).toBeUndefined();
  expect(page).toContain("no georeference");
  expect(page).toContain("S2 (date unknown)");
  expect(page).not.toContain("NaN");
  expect(page).not.toContain(`class="timeline"`);
});

test("embedReport: hundreds of files and dates are folded and drawn in a small page", () => {
  const many = Array.from({ length: 300 }, (_, i) => `tile_${i}.tif`);
  const dates = many.map((_, i) => new Date(Date.UTC(2015, 0, 1 + 12 * i)).toISOString().slice(0, 10));
  const each = many.map((file, i) => `${file}: date ${dates[i]}`);
  const findings = [{ what: `date ${dates[0]}, …`, from: "file name", files: many, each }];
  const page = embedReport({ ...report, sensors: [{ ...report.sensors[0]!, files: many, dates, findings }] });
  expect(unbalanced(page)).toBeUndefined();
  expect(page).toContain("<summary>300 files</summary>");
  expect(page).toContain(">2018<");
  expect(page.length).toBeLessThan(120_000);
});
