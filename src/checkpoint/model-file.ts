import { z } from "zod";
import { SkySenseError } from "../core/error.ts";
import type { SkySenseConfig } from "../model/skysense.ts";

/** What a model file says of itself, in the metadata of a `.safetensors` file. */
export interface ModelFileInfo {
  name: string;
  config: SkySenseConfig;
  /** False: random weights. */
  trained: boolean;
  /** What it was trained on, in a few words, where the file says so. */
  trainedOn?: string;
}

const size = z.int().positive().max(1_000_000);
const norm = z.object({ epsilon: z.number().positive() }).optional();
const mode = z.enum(["bicubic", "bilinear"]);
const image = z.tuple([size, size]);
const transformer = {
  width: size,
  depth: size.max(1000),
  heads: size,
  mlpRatio: z.number().positive(),
  qkvBias: z.boolean(),
  epsilon: z.number().positive(),
  ffnLayers: z.int().min(2).max(10),
};
const sentinel = z.object({
  encoder: z.object({
    ...transformer,
    bands: size,
    patch: size,
    image,
    outputs: z.array(z.int().min(0)).min(1),
    classToken: z.boolean(),
    patchNorm: z.boolean(),
    finalNorm: z.boolean(),
    mode,
  }),
  head: z.object({ width: size, outputWidth: size, scale: size, evenStart: z.boolean().optional() }),
});

/** A model's configuration as it comes from a file. */
export const configSchema = z.object({
  hr: z
    .object({
      bands: size,
      patch: size,
      width: size,
      depths: z.array(size.max(1000)).min(1).max(8),
      heads: z.array(size).min(1),
      window: z.union([size, z.array(size)]),
      outputs: z.array(z.int().min(0)).min(1),
      extraNormEvery: z.int().min(0),
      padSmallMaps: z.boolean(),
      pretrainedWindow: z.array(z.int().min(0)),
      postNormMerging: z.union([z.boolean(), z.array(z.boolean())]),
      patchNorm: norm,
      outputNorm: norm,
      absolutePosition: z.object({ image, mode }).optional(),
    })
    .optional(),
  s2: sentinel.optional(),
  s1: sentinel.optional(),
  fusion: z.object({ ...transformer, inputWidth: size, classToken: z.boolean() }),
  calendar: z.union([z.object({ kind: z.enum(["s2", "dated"]), days: size }), z.object({ kind: z.literal("none") })]),
  geoContext: z.object({ grid: size.max(1024), prototypes: size, width: size }).optional(),
});

/** Metadata that {@link readConfig} understands. */
export function writeConfig({ name, config, trained, trainedOn }: ModelFileInfo): Record<string, string> {
  return {
    "skysense.name": name,
    "skysense.config": JSON.stringify(config),
    "skysense.trained": String(trained),
    ...(trainedOn !== undefined && { "skysense.trainedOn": trainedOn }),
  };
}

/** @throws SkySenseError `NO_CONFIG`: the file was written by other software, or its configuration is damaged. */
export function readConfig(metadata: Readonly<Record<string, string>>, { file }: { file: string }): ModelFileInfo {
  const text = metadata["skysense.config"];
  if (text === undefined) {
    throw new SkySenseError({
      code: "NO_CONFIG",
      what: "the file holds tensors, and not the configuration of the model that they are for",
      where: file,
      remedy: "Use a file that this software wrote; single modules run with `skysense forward`.",
    });
  }
  try {
    const config = configSchema.parse(JSON.parse(text)) as SkySenseConfig;
    const trainedOn = metadata["skysense.trainedOn"];
    return {
      name: metadata["skysense.name"] ?? file,
      config,
      trained: metadata["skysense.trained"] === "true",
      ...(trainedOn !== undefined && { trainedOn }),
    };
  } catch (cause) {
    throw new SkySenseError({
      code: "NO_CONFIG",
      what: "the configuration in the file is damaged",
      where: file,
      remedy: "Fetch or write the file again.",
      cause,
    });
  }
}
