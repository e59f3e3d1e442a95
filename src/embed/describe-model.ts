import { type SensorName, sensorNames } from "../core/place.ts";
import type { ModelDescription } from "../imagery/out/description.ts";
import type { Json } from "../imagery/out/stac.ts";
import { type ModelInput, type ModelOutput, modelItem } from "../imagery/out/stac-model.ts";
import { profiles } from "../imagery/sensor/profiles.ts";
import type { SkySense } from "./model.ts";

/** The model as every output names it. */
export async function describeModel(model: SkySense): Promise<ModelDescription> {
  const sha256 = await model.weightsHash();
  return {
    name: `skysense-${model.name}`,
    architecture:
      "SkySense: Swin Transformer V2 (HR), Vision Transformers (Sentinel-2, Sentinel-1), fusion transformer",
    parameters: model.parameters,
    weights: {
      sha256,
      random: !model.trained,
      ...(model.trainedOn !== undefined && { trainedOn: model.trainedOn }),
    },
  };
}

/**
 * The STAC item of a model.
 * @param options.created  RFC 3339.
 * @param options.weightsHref  Where its file is, seen from the item.
 */
export async function describeAsStac(
  model: SkySense,
  options: { created: string; weightsHref?: string },
): Promise<Json> {
  return modelItem({
    model: await describeModel(model),
    ...modelSignature(model),
    hyperparameters: { ...model.config },
    ...options,
  });
}

function modelSignature({ config }: SkySense): { inputs: ModelInput[]; outputs: ModelOutput[] } {
  const inputs = sensorNames
    .filter((sensor) => config[sensor] !== undefined)
    .map((sensor) => inputOf(sensor, config));
  const channels = config.fusion.width * (config.geoContext === undefined ? 1 : 2);
  return {
    inputs,
    outputs: [
      {
        name: "features",
        shape: [-1, channels, -1, -1],
        axes: ["batch", "channel", "height", "width"],
        description: "Fused features: one vector for every 32 × 32 HR pixels or Sentinel pixel.",
      },
      {
        name: "vector",
        shape: [-1, channels],
        axes: ["batch", "channel"],
        description: "Mean of the features over a tile.",
      },
    ],
  };
}

function inputOf(sensor: SensorName, config: SkySense["config"]): ModelInput {
  const profile = profiles[sensor];
  const count = sensor === "hr" ? config.hr!.bands : config[sensor]!.encoder.bands;
  const bands = profile.bands.filter(({ normalisation }) => normalisation !== undefined).slice(0, count);
  return {
    name: sensor,
    bands: bands.map(({ name }) => name),
    unit: profile.unit,
    shape: [-1, -1, count, -1, -1],
    axes: ["batch", "time", "channel", "height", "width"],
    normalisation: bands.map(({ normalisation: n }) => ({ mean: n!.mean * profile.div, std: n!.std * profile.div })),
  };
}
