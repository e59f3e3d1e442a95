import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { noise } from "../../test/support/arrays.ts";
import type { ImageStack, Place } from "../core/place.ts";
import { openModel } from "../embed/load-model.node.ts";
import { writePretrainReport } from "./write-report.node.ts";

const out = mkdtempSync(join(tmpdir(), "skysense-pretrain-report-"));
afterAll(() => rmSync(out, { recursive: true }));

const stack = (shape: ImageStack["shape"], bands: string[], from: number, to: number, seed: number): ImageStack => ({
  data: Float32Array.from(noise(shape, seed).data, (v) => from + ((v + 1) / 2) * (to - from)),
  shape,
  bands,
});
const place = (seed: number): Place => ({
  ...(seed % 3 !== 0 && { hr: stack([1, 3, 64, 64], ["R", "G", "B"], 0, 255, seed) }),
  ...(seed % 3 === 0 && { s1: stack([2, 2, 8, 8], ["VV", "VH"], -25, 0, seed) }),
  ...(seed % 2 === 0 && { location: { longitude: 20 * seed, latitude: 10 * seed - 40 } }),
});

test("writePretrainReport: writes one page from metrics, weights and places; what cannot be read is left out", async () => {
  const lines = [1, 2, 3].map((step) => JSON.stringify({ step, loss: 7 - step, "image.hr": 6, lr: 1e-3 }));
  writeFileSync(join(out, "metrics.jsonl"), `${lines.join("\n")}\n`);
  const { info, weights } = openModel("tiny", { seed: 0 });
  const places = Array.from({ length: 9 }, (_, i) => ({ id: `place ${i}`, source: { place: place(i) } }));
  // Cut to the middle, or its maps would take minutes and gigabytes.
  const series = stack([40, 2, 200, 180], ["VV", "VH"], -25, 0, 9);
  const large = { id: "large", source: { place: { s1: series } } };
  await writePretrainReport({
    out,
    title: "tiny on ten places",
    command: "skysense pretrain --data places.jsonl",
    name: "tiny",
    config: info.config,
    weights,
    places: [...places, large, { id: "gone", source: { files: [join(out, "gone.png")] } }],
    settings: { batchSize: 4, weights: { image: 1, object: 0.5 }, globalArea: [0.25, 1] },
    failures: [],
  });
  const page = readFileSync(join(out, "report.html"), "utf8");
  expect(page).toContain("3 steps over 11 places without labels.");
  expect(page).toContain("those of 10 places");
  expect(page).toContain("<dt>batch size</dt><dd>4</dd>");
  expect(page).toContain("<dd>image 1, object 0.5</dd>");
  expect(page).toContain("<dd>0.25 to 1</dd>");
  expect(page).toContain("World map of regions in the colours of their context");
  // 10 queries with 6 neighbours each; 10 places with one sensor: image, its features, fused features.
  expect(page.match(/data:image\/png;base64,/g)).toHaveLength(10 * 7 + 10 * 3);
});
