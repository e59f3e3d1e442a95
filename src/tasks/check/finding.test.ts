import { expect, test } from "vitest";
import { type Finding, formatFinding } from "./finding.ts";

const finding: Finding = {
  ...{
    task: "segmentation",
    name: "Roofs",
    layout: "folders of images and masks",
    unit: "pixels",
    noun: "image",
    empty: 1,
  },
  splits: { train: 30, val: 1 },
  classes: [
    { name: "background", counts: { train: 900_000, val: 750 } },
    { name: "roof", counts: { train: 100_000, val: 250 } },
  ],
  unlabelled: { train: 12 },
  sizes: [
    { name: "256 × 256 pixels", count: 30 },
    { name: "64 × 64 pixels", count: 1 },
  ],
  bands: [{ name: "hr: R, G, B", count: 31 }],
  notes: ["something to know"],
  problems: [],
};
/** Numbers have narrow spaces. */
const plain = (text: string) => text.replaceAll("\u202f", " ");

test("formatFinding: images by split, sizes, bands, and a table of classes", () => {
  expect(plain(formatFinding(finding))).toBe(`Roofs: segmentation, folders of images and masks
  31 images (30 train, 1 val)
  sizes: 256 × 256 pixels (30); 64 × 64 pixels (1)
  bands: hr: R, G, B
  pixels                   train           val
  background    900 000 (90.0 %)  750 (75.0 %)
  roof          100 000 (10.0 %)  250 (25.0 %)
  (unlabelled)                12             0
  1 image without any label
  note: something to know
  no problems`);
});

test("formatFinding: the first ten problems, and how many more there are", () => {
  const problems = Array.from({ length: 12 }, (_, k) => `fault ${k}`);
  const text = formatFinding({ ...finding, problems });
  expect(text).toContain("  12 problems:\n    fault 0\n");
  expect(text.endsWith("    fault 9\n    … and 2 more")).toBe(true);
});
