/** How far float32 results may be from a reference; a test that needs another number says why beside it. */
export const tolerance = {
  /** One float32 operator against the reference. */
  op: { rtol: 1e-5, atol: 1e-6 },
  /** Relative L2: ViT, fusion, up-head. */
  model: 1e-5,
  /** Relative L2: Swin and composed, where cosine attention amplifies rounding. */
  cosine: 1e-4,
  /** Central differences on float32 kernels with the step h. */
  gradient: { rtol: 5e-3, h: 1e-2 },
} as const;
