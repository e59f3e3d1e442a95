import type { SensorName } from "../core/place.ts";
import { type OnnxGraph, toOnnx } from "../graph/onnx.ts";
import { batchDim, type Shape } from "../graph/shape.ts";
import { input, type Tensor } from "../graph/tensor.ts";
import { geoContext } from "../model/geo-context.ts";
import { bindParameters, type ParameterTree } from "../model/parameters.ts";
import {
  encodeHr,
  encodeSentinel,
  fuse,
  hrStages,
  initSkySense,
  type SensorFeatures,
  type SkySenseConfig,
  type SkySenseParams,
} from "../model/skysense.ts";
import type { CompileOptions, Runtime, Session } from "../runtime/session.ts";

/** An encoder for images of one size and set of bands. */
export interface EncoderRequest {
  sensor: SensorName;
  /** Positions of the image's bands among the model's. */
  bands: readonly number[];
  height: number;
  width: number;
}

/** The fusion for a number of dates a sensor. */
export interface FusionRequest {
  dates: { readonly [sensor in SensorName]?: number };
  /** Some tokens are absent at some cells. */
  masked: boolean;
}

/** The graphs of one model, compiled when first asked for; the runtime keeps and shares the sessions. */
export interface Sessions {
  /** "image" [batch, bands, height, width] → "features" [batch, cells, width]. */
  encoder(request: EncoderRequest): Promise<Session>;
  /** "image" of HR → "stage1", "stage2" …, [batch, h·w, channels] each: the stages that the encoder gives. */
  stages(request: Omit<EncoderRequest, "sensor">): Promise<Session>;
  /**
   * "hr", "s2", "s1" [1, dates, cells, width], "days.<sensor>" int64 [1, dates], "mask" [1, cells, tokens] → "fused"
   * [1, cells, width].
   */
  fusion(request: FusionRequest): Promise<Session>;
  /** "fused" [1, cells, width], "region" int64 [1], "known" [1] → "context" [1, cells, 2·width]. */
  geoContext(): Promise<Session>;
}

export function modelSessions(config: SkySenseConfig, runtime: Runtime, options: CompileOptions): Sessions {
  const p = bindParameters(initSkySense(config) as ParameterTree) as unknown as SkySenseParams;
  const graphs = new Map<string, OnnxGraph>();
  const compile = (request: unknown, build: () => Record<string, Tensor>) => {
    const key = JSON.stringify(request);
    const graph = graphs.get(key) ?? toOnnx(build());
    graphs.set(key, graph);
    return runtime.compile(graph, options);
  };
  return {
    encoder: (request) => compile(request, () => encoderGraph(p, config, request)),
    stages: (request) => compile({ ...request, stages: true }, () => stagesGraph(p, config, request)),
    fusion: (request) => compile(request, () => fusionGraph(p, config, request)),
    geoContext: () => compile("geo-context", () => geoContextGraph(p, config)),
  };
}

function encoderGraph(
  p: SkySenseParams,
  config: SkySenseConfig,
  { sensor, bands, height, width }: EncoderRequest,
): Record<string, Tensor> {
  const image = input("image", [batchDim(), bands.length, height, width]);
  if (sensor === "hr") return { features: encodeHr(p.backbone_hr!, image, config.hr!).x };
  const params = { backbone: p[`backbone_${sensor}`]!, head: p[`head_${sensor}`]! };
  const part = config[sensor]!;
  const subset = bands.length === part.encoder.bands ? {} : { bands };
  return { features: encodeSentinel(params, image, part, subset).feature.x };
}

function stagesGraph(
  p: SkySenseParams,
  config: SkySenseConfig,
  { bands, height, width }: Omit<EncoderRequest, "sensor">,
): Record<string, Tensor> {
  const image = input("image", [batchDim(), bands.length, height, width]);
  const maps = [...hrStages(p.backbone_hr!, image, config.hr!)];
  return Object.fromEntries(maps.map(([stage, { x }]) => [`stage${stage + 1}`, x]));
}

function fusionGraph(
  p: SkySenseParams,
  config: SkySenseConfig,
  { dates, masked }: FusionRequest,
): Record<string, Tensor> {
  const cells = batchDim("cells");
  const width = config.fusion.inputWidth;
  const features: SensorFeatures = {};
  const days: SensorFeatures = {};
  for (const [sensor, count] of Object.entries(dates) as [SensorName, number][]) {
    features[sensor] = input(sensor, [1, count, cells, width] satisfies Shape);
    if (hasDateCode(config, sensor)) days[sensor] = input(`days.${sensor}`, [1, count], "int64");
  }
  const tokens = Object.values(dates).reduce((sum, count) => sum + count, 0);
  const mask = masked ? { mask: input("mask", [1, cells, tokens]) } : {};
  return { fused: fuse(p, features, config, { days, ...mask }) };
}

function geoContextGraph(p: SkySenseParams, config: SkySenseConfig): Record<string, Tensor> {
  const fused = input("fused", [1, batchDim("cells"), config.fusion.width]);
  const place = { region: input("region", [1], "int64"), known: input("known", [1]) };
  return { context: geoContext(p.geo_context!, fused, place) };
}

/** Whether the sensor's tokens carry a code of their date. */
export function hasDateCode({ calendar }: SkySenseConfig, sensor: SensorName): boolean {
  return calendar.kind === "dated" || (calendar.kind === "s2" && sensor === "s2");
}
