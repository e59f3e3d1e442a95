import { expect, test } from "vitest";
import { confusionChart } from "./confusion-chart.ts";

test("confusionChart: cells with something in them name classes and counts, and show the counts", () => {
  const { markup } = confusionChart({ counts: [3, 1, 0, 2], classes: ["<Forest>", "Water"] });
  expect(markup.match(/<title>[^/]*</g)).toEqual([
    "<title>&lt;Forest&gt; called &lt;Forest&gt;: 3 of 4<",
    "<title>&lt;Forest&gt; called Water: 1 of 4<",
    "<title>Water called Water: 2 of 2<",
  ]);
  expect(markup.match(/>\d+<\/text>/g)).toEqual([">3</text>", ">1</text>", ">2</text>"]);
  expect(markup).not.toContain("per cent");
});

test("confusionChart: large counts are shown as per cent of the row, and many classes without numbers", () => {
  const { markup } = confusionChart({ counts: [90_000, 10_000, 0, 0], classes: ["a", "b"] });
  expect(markup.match(/>\d+<\/text>/g)).toEqual([">90</text>", ">10</text>"]);
  expect(markup).toContain("Numbers are per cent of a row.");
  const classes = Array.from({ length: 30 }, (_, k) => `class ${k}`);
  const many = confusionChart({ counts: new Float64Array(900).fill(1), classes });
  expect(many.markup).not.toMatch(/>\d+<\/text>/);
});
