import type { ModelDescription } from "./description.ts";
import type { Json } from "./stac.ts";

const mlm = "https://stac-extensions.github.io/mlm/v1.5.0/schema.json";
const file = "https://stac-extensions.github.io/file/v2.1.0/schema.json";

/** One input of a model, as the graph takes it. */
export interface ModelInput {
  /** "hr", "s2", "s1". */
  name: string;
  bands: readonly string[];
  /** Unit of the values before normalisation. */
  unit: string;
  /** One size an axis; -1: any. */
  shape: readonly number[];
  axes: readonly ("batch" | "time" | "channel" | "height" | "width")[];
  /** Mean and standard deviation that normalisation subtracts and divides by, one pair a band. */
  normalisation: readonly { mean: number; std: number }[];
}

export interface ModelOutput {
  /** "features", "vector". */
  name: string;
  shape: readonly number[];
  axes: readonly ("batch" | "channel" | "height" | "width")[];
  description: string;
}

/**
 * The STAC item of a model (`model.json`), Machine Learning Model extension v1.5 on STAC 1.1, which describes bands in
 * its core. It covers the whole globe and all times: nothing in the model says where it must not be used.
 *
 * @param options.created  RFC 3339 in UTC.
 * @param options.weightsHref  Where the weights are; absent: they follow from the seed in `hyperparameters`.
 * @see https://github.com/stac-extensions/mlm
 */
export function modelItem(options: {
  model: ModelDescription;
  inputs: readonly ModelInput[];
  outputs: readonly ModelOutput[];
  hyperparameters: Readonly<Record<string, unknown>>;
  created: string;
  weightsHref?: string;
}): Json {
  const { model, inputs, outputs, hyperparameters, created } = options;
  const bands = [...new Set(inputs.flatMap((input) => input.bands))];
  return {
    stac_version: "1.1.0",
    stac_extensions: [mlm, file],
    type: "Feature",
    id: `${model.name}-${model.weights.sha256.slice(0, 12)}`,
    geometry: {
      type: "Polygon",
      coordinates: [
        [
          [-180, -90],
          [180, -90],
          [180, 90],
          [-180, 90],
          [-180, -90],
        ],
      ],
    },
    bbox: [-180, -90, 180, 90],
    properties: {
      datetime: null,
      start_datetime: "1900-01-01T00:00:00Z",
      end_datetime: "9999-12-31T23:59:59Z",
      created,
      "mlm:name": model.name,
      "mlm:architecture": model.architecture,
      "mlm:tasks": ["similarity-search"],
      "mlm:framework": "ONNX",
      "mlm:total_parameters": model.parameters,
      "mlm:pretrained": !model.weights.random,
      // The extension asks for an explicit null where nothing was pre-trained.
      ...(model.weights.random
        ? { "mlm:pretrained_source": null }
        : model.weights.trainedOn === undefined
          ? {}
          : { "mlm:pretrained_source": model.weights.trainedOn }),
      "mlm:accelerator": null,
      "mlm:input": inputs.map(input),
      "mlm:output": outputs.map(output),
      ...(Object.keys(hyperparameters).length === 0 ? {} : { "mlm:hyperparameters": hyperparameters }),
      bands: bands.map((name) => ({ name })),
    },
    links: [],
    assets: {
      model: {
        href: options.weightsHref ?? "https://www.npmjs.com/package/skysense",
        title: model.weights.random ? "Random weights, made from the seed" : "Weights",
        type: options.weightsHref === undefined ? "text/html" : "application/octet-stream; framework=safetensors",
        roles: ["mlm:model", ...(options.weightsHref === undefined ? [] : ["mlm:weights"])],
        "mlm:artifact_type": "safetensors",
        // A multihash: 0x12 names SHA-256, 0x20 its 32 bytes.
        ...(options.weightsHref === undefined ? {} : { "file:checksum": `1220${model.weights.sha256}` }),
      },
    },
  };
}

function input({ name, bands, unit, shape, axes, normalisation }: ModelInput): Json {
  return {
    name,
    bands,
    description: `Values in ${unit}.`,
    input: { shape, dim_order: axes, data_type: "float32" },
    value_scaling: normalisation.map(({ mean, std }) => ({ type: "z-score", mean, stddev: std })),
    resize_type: null,
  };
}

function output({ name, shape, axes, description }: ModelOutput): Json {
  return {
    name,
    description,
    tasks: ["similarity-search"],
    result: { shape, dim_order: axes, data_type: "float32" },
  };
}
