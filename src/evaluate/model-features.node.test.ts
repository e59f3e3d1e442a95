import { expect, test } from "vitest";
import { loadModel } from "../embed/load-model.node.ts";
import { goingBy, modelFeatures } from "./model-features.ts";

test("goingBy: two files of one model have two names in a table, a named model has its own", async () => {
  const model = loadModel("tiny", { seed: 0 });
  const names = ["tiny", "runs/1/skysense.safetensors", "runs/2/skysense.safetensors"].map((given) =>
    modelFeatures(goingBy(given, model), "hr"),
  );
  expect((await Promise.all(names)).map(({ name }) => name)).toEqual([
    "tiny, random weights, hr",
    "runs/1/skysense.safetensors, random weights, hr",
    "runs/2/skysense.safetensors, random weights, hr",
  ]);
  await model.release();
});
