import { join } from "node:path";
import { expect, test } from "vitest";
import { outOfEach } from "./out-of-each.node.ts";

test("outOfEach: names what is written after its image, and refuses two of one name", () => {
  expect(outOfEach(["a/x.tif", "b/y.png"], "out")).toEqual([join("out", "x"), join("out", "y")]);
  expect(() => outOfEach(["a/x.tif", "b/x.png"], "out")).toThrow(/two images of one name.*its own --out/);
});
