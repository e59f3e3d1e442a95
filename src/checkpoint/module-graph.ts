import { min } from "../graph/ops/min.ts";
import { slice } from "../graph/ops/pad.ts";
import { reshape } from "../graph/ops/reshape.ts";
import { transpose } from "../graph/ops/transpose.ts";
import { indices, input, scope, type Tensor } from "../graph/tensor.ts";
import { classTokenOf, type FusionParams, fusion, initFusion } from "../model/fusion.ts";
import { bindParameters, type ParameterTree } from "../model/parameters.ts";
import { type TokenMap, toImage } from "../model/patch-embed.ts";
import {
  encodeHr,
  encodeSentinel,
  fuse,
  initSkySense,
  type SensorFeatures,
  type SkySenseParams,
} from "../model/skysense.ts";
import { initSwin, type SwinParams, swin } from "../model/swin-v2.ts";
import { initUpHead, upHead } from "../model/up-head.ts";
import { initVit, type VitParams, vit } from "../model/vit.ts";
import { fpnGraph } from "./detector-program.ts";
import {
  badInputs,
  checkChannels,
  forEachInput,
  fromImage,
  type InputShapes,
  type ModuleDescription,
  type ModuleGraph,
  type ModuleRequest,
  unknownClass,
} from "./module-inputs.ts";
import { fusionConfig, skySenseConfig, swinConfig, upHeadConfig, vitConfig } from "./official-config.ts";
import { encoderDecoderGraph, fcnHeadGraph, uperHeadGraph } from "./segmentation-graph.ts";

/** Names of the classes that are one graph. */
export function graphClasses(): string[] {
  return Object.keys(modules);
}

/**
 * Build the graph of one official module for given inputs.
 *
 * @param config  `class_`, `constructor`, for SkySense `subsets` ("hr+s1") and `mode`; other fields are ignored.
 * @param inputs  By the names that the class uses, with or without tags before them ("native.input").
 * @throws SkySenseError `BAD_CONFIG` | `BAD_INPUTS`
 */
export function moduleGraph(config: ModuleDescription, inputs: InputShapes): ModuleGraph {
  const build = Object.hasOwn(modules, config.class_) && modules[config.class_ as keyof typeof modules];
  if (!build) throw unknownClass(config.class_, Object.keys(modules));
  return build({ kwargs: config.constructor, inputs, subsets: config.subsets ?? [], mode: config.mode ?? "eval" });
}

const modules = {
  FPN: fpnGraph,
  UPerHead: uperHeadGraph,
  FCNHead: fcnHeadGraph,
  EncoderDecoder: encoderDecoderGraph,

  SwinTransformerV2: ({ kwargs, inputs }: ModuleRequest): ModuleGraph => {
    const config = swinConfig(kwargs);
    const parameters = initSwin(config);
    const p = bindParameters(parameters) as SwinParams;
    return {
      parameters,
      outputs: forEachInput(inputs, { rank: 4 }, (image, put) => {
        checkChannels(image, 1, config.bands);
        const maps = [...swin(p, image, config, { tap: (name, value) => put(name, value()) }).values()];
        for (const [k, map] of maps.entries()) put(`out.${k}`, toImage(map));
      }),
    };
  },

  VisionTransformer: ({ kwargs, inputs }: ModuleRequest): ModuleGraph => {
    const { outputClassToken, ...config } = vitConfig(kwargs);
    const parameters = initVit(config);
    const p = bindParameters(parameters) as VitParams;
    return {
      parameters,
      outputs: forEachInput(inputs, { rank: 4 }, (image, put) => {
        checkChannels(image, 1, config.bands);
        const maps = [...vit(p, image, config, { tap: (name, value) => put(name, value()) }).values()];
        for (const [k, map] of maps.entries()) {
          put(`out.${k}`, toImage(map));
          if (outputClassToken) put(`cls.${k}`, map.classToken!);
        }
      }),
    };
  },

  TransformerEncoder: ({ kwargs, inputs }: ModuleRequest): ModuleGraph => {
    const { outputClassToken, ...config } = fusionConfig(kwargs);
    const parameters = initFusion(config);
    const p = bindParameters(parameters) as FusionParams;
    return {
      parameters,
      outputs: forEachInput(inputs, { rank: 3 }, (x, put) => {
        checkChannels(x, 2, config.inputWidth);
        const z = fusion(p, x, config, { tap: (name, value) => put(name, value()) });
        const tokens = z.shape[1] as number;
        if (!outputClassToken) {
          put("tokens", config.classToken ? slice(z, { axis: 1, start: 1, end: tokens }) : z);
          return;
        }
        put("cls", classTokenOf(z));
        if (tokens > 1) put("two", slice(z, { axis: 1, start: 0, end: 2 }));
      }),
    };
  },

  UPHead: ({ kwargs, inputs }: ModuleRequest): ModuleGraph => {
    const config = upHeadConfig(kwargs);
    const parameters = initUpHead(config);
    const p = bindParameters(parameters);
    return {
      parameters,
      outputs: forEachInput(inputs, { rank: 4 }, (image, put) => {
        checkChannels(image, 1, config.width);
        put("output", toImage(upHead(p, fromImage(image), config)));
      }),
    };
  },

  SkySense: ({ kwargs, inputs, subsets }: ModuleRequest): ModuleGraph => {
    const config = skySenseConfig(kwargs);
    const parameters = initSkySense(config);
    const p = bindParameters(parameters as ParameterTree) as unknown as SkySenseParams;
    const take = (name: string) => {
      const known = inputs.get(name);
      return known === undefined ? undefined : input(name, known.shape, known.dtype);
    };
    const outputs: Record<string, Tensor> = {};
    const features: SensorFeatures = {};
    const days: SensorFeatures = {};
    let grid: readonly [number, number] | undefined;
    const addSensor = (sensor: "hr" | "s2" | "s1", { x, grid: [h, w] }: TokenMap, batch: number) => {
      outputs[`${sensor}_feature`] = toImage({ x, grid: [h, w] });
      if (grid !== undefined && (grid[0] !== h || grid[1] !== w)) {
        throw badInputs(`the map of ${sensor} is ${h}×${w}, that of the sensors before it ${grid[0]}×${grid[1]}`);
      }
      grid = [h, w];
      features[sensor] = reshape(x, [batch, (x.shape[0] as number) / batch, h * w, x.shape[2]!]);
    };

    const hr = take("hr_img");
    if (hr !== undefined && config.hr !== undefined) {
      checkChannels(hr, 1, config.hr.bands);
      addSensor("hr", encodeHr(p.backbone_hr!, hr, config.hr), hr.shape[0] as number);
    }
    for (const sensor of ["s2", "s1"] as const) {
      const image = take(`${sensor}_img`);
      const part = config[sensor];
      if (image === undefined || part === undefined) continue;
      const [batch, bands, dates, h, w] = image.shape as number[];
      checkChannels(image, 1, part.encoder.bands);
      const images = reshape(transpose(image, [0, 2, 1, 3, 4]), [batch! * dates!, bands!, h!, w!]);
      const params = { backbone: p[`backbone_${sensor}`]!, head: p[`head_${sensor}`]! };
      const { encoded, feature } = scope(sensor, () => encodeSentinel(params, images, part));
      outputs[`${sensor}_backbone`] = toImage(encoded);
      addSensor(sensor, feature, batch!);
    }
    // Without dates SkySense++ passes day 0.
    if (features.s2 !== undefined) {
      const [batch, dates] = features.s2.shape as number[];
      const given = take("s2_ct") ?? indices(new Int32Array(batch! * dates!), [batch!, dates!]);
      // 31 December of a leap year is day 365, which a table of 365 has not: it takes the last.
      days.s2 = config.calendar.kind === "none" ? given : min(given, indices([config.calendar.days - 1], []));
    }

    const all = (["hr", "s2", "s1"] as const).filter((sensor) => features[sensor] !== undefined);
    if (all.length === 0) throw badInputs("there is none of hr_img, s2_img, s1_img");
    const names = new Set([all.join("+"), ...subsets]);
    for (const subset of names) {
      const sensors = subset.split("+") as (typeof all)[number][];
      if (sensors.some((sensor) => features[sensor] === undefined))
        throw badInputs(`subset "${subset}" lacks an input`);
      const prefix = sensors.length === 3 ? "" : `${subset}.`;
      const chosen = Object.fromEntries(sensors.map((sensor) => [sensor, features[sensor]]));
      const fused = fuse(p, chosen, config, {
        ...(sensors.includes("s2") && { days }),
        tap: (name, value) => {
          outputs[prefix + name] = value();
        },
      });
      outputs[`${prefix}fused`] = toImage({ x: fused, grid: grid! });
    }
    return { parameters: parameters as ParameterTree, outputs };
  },
} as const;
