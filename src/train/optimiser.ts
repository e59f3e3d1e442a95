import { addressOf, type Flat, type Role, type Span } from "./flat.ts";

/** AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101): decay is not part of the gradient. */
export interface AdamW {
  kind: "adamw";
  /** Default 0.9 and 0.999. */
  betas?: readonly [number, number];
  /** Default 1e-8; above 0. */
  epsilon?: number;
  weightDecay: number;
}

/** Gradient descent with momentum; decay is added to the gradient. */
export interface Sgd {
  kind: "sgd";
  /** Default 0.9. */
  momentum?: number;
  nesterov?: boolean;
  weightDecay: number;
}

export type Optimiser = AdamW | Sgd;

/** How one parameter is trained: its learning rate as a multiple of the schedule's, and whether it decays. */
export interface Treatment {
  lrScale: number;
  decay: boolean;
}

/** What an optimiser remembers of each parameter. */
export function momentsOf({ kind }: Optimiser): ("first" | "second")[] {
  return kind === "adamw" ? ["first", "second"] : ["first"];
}

/**
 * One update of the parameters in `spans`, in place; all others stay as they are, undecayed, as in PyTorch those
 * without a gradient do. The arithmetic is that of `torch.optim.AdamW` and `torch.optim.SGD` in float32.
 *
 * @param options.step  Updates before this one: 0 is the first.
 * @param options.gradientScale  Multiplies the gradients: the mean over batches, and clipping.
 * @returns √Σ(what was added)².
 */
export function update(
  flat: Flat,
  spans: readonly Span<Treatment>[],
  optimiser: Optimiser,
  options: { step: number; lr: number; gradientScale?: number; gradients?: Role },
): number {
  const one = optimiser.kind === "adamw" ? adamW(optimiser, options) : sgd(optimiser, options);
  return Math.sqrt(spans.reduce((sum, span) => sum + one(flat, span), 0));
}

type UpdateSpan = (flat: Flat, span: Span<Treatment>) => number;
type UpdateOptions = Parameters<typeof update>[3];

function adamW(
  { betas: [beta1, beta2] = [0.9, 0.999], epsilon = 1e-8, weightDecay }: AdamW,
  { step, lr, gradientScale = 1, gradients = "gradients" }: UpdateOptions,
): UpdateSpan {
  const correction1 = 1 - beta1 ** (step + 1);
  const root = Math.sqrt(1 - beta2 ** (step + 1));
  return (flat, span) => {
    const at = (role: Role) => addressOf(flat, role, span);
    const { lrScale, decay } = span.value;
    const rate = lr * lrScale;
    return flat.blocks[span.block]!.kernels.adamW(
      ...([at("parameters"), at(gradients), at("first"), at("second"), span.length * 4] as const),
      ...([gradientScale, 1 - rate * (decay ? weightDecay : 0), rate / correction1] as const),
      ...([beta1, 1 - beta1, beta2, 1 - beta2, root, epsilon] as const),
    );
  };
}

function sgd(
  { momentum = 0.9, nesterov = false, weightDecay }: Sgd,
  { lr, gradientScale = 1, gradients = "gradients" }: UpdateOptions,
): UpdateSpan {
  return (flat, span) => {
    const at = (role: Role) => addressOf(flat, role, span);
    const { lrScale, decay } = span.value;
    return flat.blocks[span.block]!.kernels.sgd(
      ...([at("parameters"), at(gradients), at("first"), span.length * 4] as const),
      ...([gradientScale, decay ? weightDecay : 0, lr * lrScale] as const),
      ...([momentum, nesterov ? 1 : 0, nesterov ? momentum : 1] as const),
    );
  };
}
