import type { SkySenseConfig } from "./skysense.ts";

/**
 * Ready-made sizes. HR maps have a stride of 32 pixels (patch 4, four stages) and Sentinel maps one of 1 pixel (patch,
 * then the head), so that one cell of the fusion is 32 × 32 HR pixels and one Sentinel pixel, as officially.
 */

const bands = { hr: 3, s2: 10, s1: 2 } as const;

/** Options of the Sentinel encoders that all presets share, as SkySense++ sets them (specification §2). */
const sentinel = {
  mlpRatio: 4,
  qkvBias: true,
  epsilon: 1e-6,
  ffnLayers: 2,
  image: [16, 16],
  classToken: false,
  patchNorm: false,
  finalNorm: false,
  mode: "bicubic",
} as const;

const fusion = { mlpRatio: 4, qkvBias: true, epsilon: 1e-5, ffnLayers: 2, classToken: true } as const;

const swin = {
  bands: bands.hr,
  patch: 4,
  outputs: [0, 1, 2, 3],
  extraNormEvery: 0,
  padSmallMaps: false,
  pretrainedWindow: [0, 0, 0, 0],
  postNormMerging: true,
  patchNorm: { epsilon: 1e-5 },
  outputNorm: { epsilon: 1e-5 },
  absolutePosition: undefined,
} as const;

export const presets = {
  /** The official sizes, 1.66 billion parameters (Guo et al. 2024, arXiv:2312.10115). */
  huge: {
    hr: { ...swin, width: 352, depths: [2, 2, 18, 2], heads: [8, 16, 32, 64], window: 8, extraNormEvery: 6 },
    s2: {
      encoder: {
        ...sentinel,
        bands: bands.s2,
        patch: 4,
        width: 1024,
        depth: 24,
        heads: 16,
        outputs: [5, 11, 17, 23],
      },
      head: { width: 1024, outputWidth: 2816, scale: 4 },
    },
    s1: {
      encoder: {
        ...sentinel,
        bands: bands.s1,
        patch: 4,
        width: 1024,
        depth: 24,
        heads: 16,
        outputs: [5, 11, 17, 23],
      },
      head: { width: 1024, outputWidth: 2816, scale: 4 },
    },
    fusion: { ...fusion, inputWidth: 2816, width: 1024, depth: 24, heads: 16 },
    calendar: { kind: "s2", days: 365 },
  },

  /** The same modules at a size for two CPU cores. */
  nano: {
    // Windows that fit maps of 64-pixel images, so that no stage ever pads.
    hr: { ...swin, width: 48, depths: [2, 2, 4, 1], heads: [3, 6, 12, 24], window: [8, 8, 4, 2] },
    s2: {
      encoder: { ...sentinel, bands: bands.s2, patch: 2, width: 128, depth: 6, heads: 4, outputs: [5] },
      head: { width: 128, outputWidth: 384, scale: 2, evenStart: true },
    },
    s1: {
      encoder: { ...sentinel, bands: bands.s1, patch: 2, width: 128, depth: 4, heads: 4, outputs: [3] },
      head: { width: 128, outputWidth: 384, scale: 2, evenStart: true },
    },
    fusion: { ...fusion, inputWidth: 384, width: 192, depth: 4, heads: 6 },
    calendar: { kind: "dated", days: 365 },
    geoContext: { grid: 8, prototypes: 16, width: 192 },
  },

  /** For tests: milliseconds. */
  tiny: {
    hr: { ...swin, width: 8, depths: [1, 1, 2, 1], heads: [1, 1, 2, 2], window: [4, 4, 2, 2] },
    s2: {
      encoder: { ...sentinel, bands: bands.s2, patch: 2, width: 16, depth: 2, heads: 2, outputs: [1] },
      head: { width: 16, outputWidth: 64, scale: 2, evenStart: true },
    },
    s1: {
      encoder: { ...sentinel, bands: bands.s1, patch: 2, width: 16, depth: 1, heads: 2, outputs: [0] },
      head: { width: 16, outputWidth: 64, scale: 2, evenStart: true },
    },
    fusion: { ...fusion, inputWidth: 64, width: 16, depth: 2, heads: 2 },
    calendar: { kind: "dated", days: 365 },
    geoContext: { grid: 4, prototypes: 4, width: 16 },
  },
} as const satisfies Record<string, SkySenseConfig>;

export type PresetName = keyof typeof presets;
