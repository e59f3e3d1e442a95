import type { HeadConfig } from "./head.ts";

/** Terms of the loss (Guo et al. 2024, arXiv:2312.10115, §3.3); the last two compare cells of two views. */
export const terms = ["image", "align", "object", "pixel"] as const;
export type Term = (typeof terms)[number];

export const forms = ["distil", "contrast", "mae"] as const;

/**
 * How a model is pre-trained. What the paper does not say is chosen for runs of hours, not weeks, and can be changed
 * here.
 */
export interface PretrainSettings {
  steps: number;
  /** Places of a step: with HR images, and with Sentinel images alone, which cost several times as much. */
  batchSize: number;
  sentinelBatchSize: number;
  seed: number;
  /** Side of global and local HR views in pixels, and how many local ones. */
  globalSize: number;
  localSize: number;
  locals: number;
  /** Share of a place's area in a global and in a local view. */
  globalArea: readonly [number, number];
  localArea: readonly [number, number];
  /** Side of the views of Sentinel images in pixels, of places without HR image. */
  sentinelSize: number;
  /** At most so many dates a view. */
  dates: { s2: number; s1: number };
  /** Dates are moved by up to so many days, so that they are not learnt by heart. */
  dateNoise: number;
  /** Share of each term in the loss; 0 leaves it out. */
  weights: Readonly<Record<Term, number>>;
  /** Part of the steps after which a term starts; it then grows over a twentieth of the steps. */
  starts: Readonly<Record<Term, number>>;
  /** Part of the steps after which geo-context prototypes take part. */
  prototypesFrom: number;
  /**
   * What is learnt: `distil`, cross-entropy with the teacher's assignment to prototypes; `contrast`, InfoNCE between
   * the student's and the teacher's embeddings of the batch; `mae`, to paint what was masked of HR images, without
   * any of the terms (see masked.ts).
   */
  form: (typeof forms)[number];
  /** How the teacher's assignments are kept from collapsing: Sinkhorn–Knopp, or a running centre of the logits. */
  balance: "sinkhorn" | "centre";
  head: HeadConfig;
  /** Of the student; of the teacher, from → to over the first 30 % of the steps; of contrasts. */
  temperature: { student: number; teacher: readonly [from: number, to: number]; contrast: number };
  /** Factor of the teacher's running mean, from → to. */
  momentum: { from: number; to: number };
  lr: number;
  weightDecay: number;
  /** Part of the steps in which the learning rate rises. */
  warmup: number;
  clip: number;
  dropPath: number;
  /** Pairs of cells a place in the pixel term; clusters a place in the object term. */
  pairs: number;
  objects: number;
  // What follows may be missing, so that runs that began without it go on.
  /** Part of the steps in which the last layer of the heads stays as it was drawn, as in DINO. Default 0. */
  frozenHead?: number;
  /** Share of a place's area in a view of Sentinel images. Default {@link globalArea}. */
  sentinelArea?: readonly [number, number];
  /**
   * Fuse so many cells of a view, drawn at random, where it has more: the fusion costs most where maps are large. The
   * fused features then have the image term alone. Default: all cells.
   */
  fusedCells?: number;
  /** How far the colours of HR views are changed. Default {@link defaultColours}. */
  colours?: Colours;
  /** With `mae`. Default {@link defaultMasking}. */
  masking?: Masking;
}

/** Strengths as in `Jitter`; `grey`: the part of the views that lose their colours. */
export interface Colours {
  brightness: number;
  contrast: number;
  saturation: number;
  hue: number;
  grey: number;
}

/** Weaker than SimCLR's: colours tell land covers apart. */
export const defaultColours: Colours = { brightness: 0.3, contrast: 0.3, saturation: 0.2, hue: 0.05, grey: 0.1 };

/** What a masked autoencoder does not see. */
export interface Masking {
  /** Side of what is masked at once in pixels; a whole number of them makes a cell. */
  patch: number;
  /** Part of the image. */
  ratio: number;
}

/** As SimMIM (Xie et al. 2022, arXiv:2111.09886, table 1), for views of 64 instead of 192 pixels. */
export const defaultMasking: Masking = { patch: 8, ratio: 0.6 };

type Optional = {
  [K in keyof PretrainSettings]-?: undefined extends PretrainSettings[K] ? K : never;
}[keyof PretrainSettings];
const optional: Readonly<Record<Optional, true>> = {
  frozenHead: true,
  sentinelArea: true,
  fusedCells: true,
  colours: true,
  masking: true,
};

/** For `nano` on two cores. Reasons in docs/decisions. */
export const defaults: PretrainSettings = {
  steps: 4000,
  batchSize: 64,
  sentinelBatchSize: 16,
  seed: 0,
  globalSize: 64,
  localSize: 64,
  locals: 0,
  globalArea: [0.25, 1],
  localArea: [0.05, 0.25],
  sentinelSize: 16,
  dates: { s2: 4, s1: 2 },
  dateNoise: 8,
  weights: { image: 1, object: 0.5, pixel: 0.5, align: 0.1 },
  starts: { image: 0, object: 0.2, pixel: 0.2, align: 0.4 },
  prototypesFrom: 0.5,
  form: "distil",
  balance: "sinkhorn",
  head: { hidden: 512, bottleneck: 128, prototypes: 1024 },
  temperature: { student: 0.1, teacher: [0.04, 0.06], contrast: 0.2 },
  momentum: { from: 0.99, to: 0.999 },
  lr: 5e-4,
  weightDecay: 0.04,
  warmup: 0.07,
  clip: 3,
  dropPath: 0,
  pairs: 16,
  objects: 4,
};

/** Names of all settings. */
export const settingNames: readonly string[] = [...Object.keys(defaults), ...Object.keys(optional)];
