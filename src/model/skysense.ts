import { type SensorName, sensorNames } from "../core/place.ts";
import { add } from "../graph/ops/add.ts";
import { concat } from "../graph/ops/concat.ts";
import { gather } from "../graph/ops/gather.ts";
import { pad } from "../graph/ops/pad.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { timesDim } from "../graph/shape.ts";
import { scope, type Tensor } from "../graph/tensor.ts";
import type { Calendar } from "./calendar.ts";
import { classTokenOf, type FusionConfig, type FusionParams, fusion, initFusion } from "./fusion.ts";
import { type GeoContextConfig, type GeoContextParams, initGeoContext } from "./geo-context.ts";
import type { Bound, Initial } from "./parameters.ts";
import type { TokenMap } from "./patch-embed.ts";
import { initSwin, type SwinConfig, type SwinParams, swin } from "./swin-v2.ts";
import type { Tap } from "./tap.ts";
import type { EncoderTraining } from "./training.ts";
import { initUpHead, type UpHeadConfig, type UpHeadParams, upHead } from "./up-head.ts";
import { initVit, type VitConfig, type VitParams, vit } from "./vit.ts";

/** Encoder of Sentinel-2 or Sentinel-1 and the head that brings it to the grid of the fusion. */
export interface SentinelConfig {
  encoder: VitConfig;
  head: UpHeadConfig;
}

/** The composed model (specification §3.3, geo-context §4); any encoder may be left out. */
export interface SkySenseConfig {
  hr?: SwinConfig | undefined;
  s2?: SentinelConfig | undefined;
  s1?: SentinelConfig | undefined;
  fusion: FusionConfig;
  calendar: Calendar;
  geoContext?: GeoContextConfig | undefined;
}

export function initSkySense(c: SkySenseConfig) {
  const zero: Initial = { kind: "constant", value: 0 };
  return {
    backbone_hr: c.hr && initSwin(c.hr),
    backbone_s2: c.s2 && initVit(c.s2.encoder),
    head_s2: c.s2 && initUpHead(c.s2.head),
    backbone_s1: c.s1 && initVit(c.s1.encoder),
    head_s1: c.s1 && initUpHead(c.s1.head),
    fusion: initFusion(c.fusion),
    ctpe:
      c.calendar.kind === "none" ? undefined : { shape: [1, c.calendar.days, c.fusion.inputWidth], initial: zero },
    geo_context: c.geoContext && initGeoContext(c.geoContext),
  };
}

/** Parameters of the composed model; a part that the model lacks is undefined. */
export interface SkySenseParams {
  backbone_hr?: SwinParams | undefined;
  backbone_s2?: VitParams | undefined;
  head_s2?: UpHeadParams | undefined;
  backbone_s1?: VitParams | undefined;
  head_s1?: UpHeadParams | undefined;
  fusion: FusionParams;
  ctpe?: Tensor | undefined;
  geo_context?: GeoContextParams | undefined;
}

/** HR features at the grid of the fusion: images [batch, bands, H, W] → tokens of the last output. */
export function encodeHr(
  p: SwinParams,
  image: Tensor,
  config: SwinConfig,
  options: { training?: EncoderTraining } = {},
): TokenMap {
  return [...hrStages(p, image, config, options).values()].at(-1)!;
}

/** The same of all stages in `config.outputs`, the finest first: [batch, h·w, width·2^stage]. */
export function hrStages(
  p: SwinParams,
  image: Tensor,
  config: SwinConfig,
  { training = {} }: { training?: EncoderTraining } = {},
): Map<number, TokenMap> {
  return scope("backbone_hr", () => swin(p, image, config, { training }));
}

/**
 * Features of Sentinel images [batch, bands, h, w] (each date an image of its own) before and after the head.
 *
 * @param options.bands  Positions of the image's bands, where it has some of the model's only.
 */
export function encodeSentinel(
  { backbone, head }: { backbone: VitParams; head: UpHeadParams },
  image: Tensor,
  config: SentinelConfig,
  { bands, training = {} }: { bands?: readonly number[]; training?: EncoderTraining } = {},
): { encoded: TokenMap; feature: TokenMap } {
  const outputs = vit(backbone, image, config.encoder, { training, ...(bands && { bands }) });
  const encoded = outputs.get(Math.max(...config.encoder.outputs))!;
  return { encoded, feature: upHead(head, encoded, config.head) };
}

/** Features of each sensor, [batch, dates, cells, width], all on one grid of cells. */
export type SensorFeatures = { [sensor in SensorName]?: Tensor };

/**
 * Fuse all sensors' and dates' features at every cell (§3.3 steps 4–6): tokens in the order HR, S2 dates, S1 dates.
 *
 * @param options.days  int64 [batch, dates] a sensor: rows of the calendar table; the row after its last is no date.
 * @param options.mask  [batch, cells, tokens]: 0 where a token takes part, very negative where it is absent.
 * @param options.training  In drop path, each cell is a sample of its own.
 * @returns [batch, cells, width]: the class token of each cell.
 */
export function fuse(
  p: Pick<SkySenseParams, "fusion" | "ctpe">,
  features: SensorFeatures,
  config: SkySenseConfig,
  {
    days = {},
    mask,
    tap,
    training = {},
  }: { days?: SensorFeatures; mask?: Tensor; tap?: Tap; training?: EncoderTraining } = {},
): Tensor {
  const present = sensorNames.filter((sensor) => features[sensor] !== undefined);
  const [batch, , cells, width] = features[present[0]!]!.shape as [Tensor["shape"][number], number, number, number];
  const perSensor = present.map((sensor) => {
    const x = features[sensor]!;
    const day = days[sensor];
    const coded = p.ctpe === undefined || day === undefined ? x : add(x, dateCode(p.ctpe, day));
    return transpose(coded, [0, 2, 1, 3]);
  });
  const joined = perSensor.length === 1 ? perSensor[0]! : concat(perSensor, { axis: 2 });
  const count = joined.shape[2] as number;
  const tokens = reshape(joined, [timesDim(batch, cells), count, width]);
  tap?.("tokens", () => tokens);
  const keyMask = mask && reshape(pad(mask, { before: [0, 0, 1] }), [timesDim(batch, cells), 1, 1, count + 1]);
  const fused = scope("fusion", () =>
    fusion(p.fusion, tokens, config.fusion, { first: 1, training, ...(keyMask && { keyMask }) }),
  );
  return reshape(classTokenOf(fused), [batch, cells, config.fusion.width]);
}

/** Rows of the calendar table, [batch, dates] → [batch, dates, 1, width]; one row past the end is zero: no date. */
function dateCode(ctpe: Tensor, day: Tensor): Tensor {
  const [, days, width] = ctpe.shape as [number, number, number];
  const table = pad(reshape(ctpe, [days, width]), { after: [1, 0] });
  const [batch, dates] = day.shape;
  return reshape(gather(table, day), [batch!, dates!, 1, width]);
}

export type BoundSkySense = Bound<ReturnType<typeof initSkySense>>;
