import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { plainGroups, swinLayerDecay, vitLayerDecay } from "./groups.ts";

const folder = new URL("../../fixtures/layer-decay/", import.meta.url);

for (const file of readdirSync(folder)) {
  const official = JSON.parse(readFileSync(new URL(file, folder), "utf8"));
  test(`swinLayerDecay: learning rate and decay of every parameter of ${file} are the official ones`, () => {
    const rule = swinLayerDecay({ depths: official.depths, rate: official.layer_decay_rate });
    expect(official.parameters.length).toBeGreaterThan(400);
    for (const [name, shape, lr, weightDecay] of official.parameters) {
      const { lrScale, decay } = rule(name, shape);
      expect(Math.abs((official.base_lr * lrScale) / lr - 1), name).toBeLessThan(1e-12);
      expect(decay ? official.weight_decay : 0, name).toBe(weightDecay);
    }
  });
}

test("vitLayerDecay: learning rate and decay of every parameter are those of SkySense++", () => {
  const config = JSON.parse(
    readFileSync(new URL("../../fixtures/golden/adamw_vit/config.json", import.meta.url), "utf8"),
  );
  const rule = vitLayerDecay({ layers: 3, rate: 0.7 });
  for (const { lr, weight_decay, params } of config.groups) {
    for (const name of params) {
      const { lrScale, decay } = rule(name, [4, 4]);
      expect(Math.abs((2e-3 * lrScale) / lr - 1), name).toBeLessThan(1e-12);
      expect(decay ? 0.04 : 0, name).toBe(weight_decay);
    }
  }
});

test("layer decay: an encoder under another path is found there, and what is outside counts as a head", () => {
  const swin = swinLayerDecay({ depths: [1, 1], rate: 0.5, prefix: "backbone_hr." });
  expect(swin("backbone_hr.patch_embed.projection.weight", [8, 3, 4, 4]).lrScale).toBe(0.125);
  expect(swin("backbone.patch_embed.projection.weight", [8, 3, 4, 4]).lrScale).toBe(1);
  const vit = vitLayerDecay({ layers: 2, rate: 0.5, prefix: "backbone_s2." });
  expect(vit("backbone_s2.layers.1.ln1.weight", [8]).lrScale).toBe(0.5);
  expect(vit("fusion.layers.1.ln1.weight", [8]).lrScale).toBe(1);
});

test("plainGroups: vectors and biases do not decay", () => {
  expect(plainGroups("a.weight", [3, 4])).toEqual({ lrScale: 1, decay: true });
  expect(plainGroups("norm.weight", [3]).decay).toBe(false);
  expect(plainGroups("a.bias", [1, 3]).decay).toBe(false);
});
