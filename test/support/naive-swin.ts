import type { SwinConfig } from "../../src/model/swin-v2.ts";
import type { NdArray } from "./arrays.ts";
import { sumOver } from "./arrays.ts";

/** A map of tokens: [row][column][channel]. */
type Grid = number[][][];
type Weights = Readonly<Record<string, NdArray>>;

/**
 * Swin Transformer V2 as the specification words it (§1), step after step in double precision on nested arrays:
 * no reordered tokens, no shared masks, no products of matrices. One image [bands][rows][columns]; post-norm merging,
 * no options that the property test does not vary.
 *
 * @returns The normalised output of every stage.
 */
export function naiveSwin(image: number[][][], config: SwinConfig, w: Weights): Grid[] {
  let map = patches(image, config.patch, w);
  return config.depths.map((depth, stage) => {
    if (stage > 0) map = merge(map, `stages.${stage}.downsample`, w);
    for (let j = 0; j < depth; j++) {
      map = block(map, `stages.${stage}.blocks.${j}`, config.heads[stage]!, shiftOf(map, config, j), w);
    }
    return eachToken(map, (x) => norm(x, `norm${stage}`, w));
  });
}

function shiftOf(map: Grid, config: SwinConfig, j: number): { window: number; shift: number } {
  const window = config.window as number;
  const smaller = Math.min(map.length, map[0]!.length);
  const shift = j % 2 === 1 && (smaller > window || config.padSmallMaps) ? Math.floor(window / 2) : 0;
  return { window, shift };
}

const eachToken = (map: Grid, f: (x: number[]) => number[]): Grid => map.map((row) => row.map(f));
const plus = (a: number[], b: number[]) => a.map((v, i) => v + b[i]!);

function linear(x: number[], name: string, w: Weights): number[] {
  const { shape, data } = w[`${name}.weight`]!;
  const inputs = x.length;
  const bias = w[`${name}.bias`]?.data;
  return Array.from(
    { length: shape[0]! },
    (_, o) => sumOver(inputs, (i) => x[i]! * data[o * inputs + i]!) + (bias?.[o] ?? 0),
  );
}

function norm(x: number[], name: string, w: Weights): number[] {
  const mean = x.reduce((a, b) => a + b) / x.length;
  const deviation = Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length + 1e-5);
  return x.map((v, i) => ((v - mean) / deviation) * w[`${name}.weight`]!.data[i]! + w[`${name}.bias`]!.data[i]!);
}

/** Entry of a map that is zero outside. */
const cell = (map: Grid, r: number, c: number): number[] =>
  map[r]?.[c] ?? new Array<number>(map[0]![0]!.length).fill(0);

function patches(image: number[][][], patch: number, w: Weights): Grid {
  const up = (n: number) => Math.ceil(n / patch);
  const flat = { "p.weight": w["patch_embed.projection.weight"]!, "p.bias": w["patch_embed.projection.bias"]! };
  return Array.from({ length: up(image[0]!.length) }, (_, r) =>
    Array.from({ length: up(image[0]![0]!.length) }, (_, c) => {
      const values = image.flatMap((band) =>
        Array.from(
          { length: patch * patch },
          (_, k) => band[r * patch + Math.floor(k / patch)]?.[c * patch + (k % patch)] ?? 0,
        ),
      );
      return norm(linear(values, "p", flat), "patch_embed.norm", w);
    }),
  );
}

function merge(map: Grid, name: string, w: Weights): Grid {
  const half = (n: number) => Math.ceil(n / 2);
  return Array.from({ length: half(map.length) }, (_, r) =>
    Array.from({ length: half(map[0]!.length) }, (_, c) => {
      const four = [0, 1, 2, 3].map((k) => cell(map, 2 * r + (k >> 1), 2 * c + (k & 1)));
      const unfolded = four[0]!.flatMap((_, channel) => four.map((x) => x[channel]!));
      return norm(linear(unfolded, `${name}.reduction`, w), `${name}.norm`, w);
    }),
  );
}

function block(map: Grid, name: string, heads: number, size: { window: number; shift: number }, w: Weights): Grid {
  const attended = shiftedAttention(map, `${name}.attn.w_msa`, heads, size, w);
  const x = map.map((row, r) => row.map((token, c) => plus(token, norm(attended[r]![c]!, `${name}.norm1`, w))));
  const gelu = (v: number) => (v / 2) * (1 + erf(v / Math.SQRT2));
  return eachToken(x, (token) => {
    const hidden = linear(token, `${name}.ffn.layers.0.0`, w).map(gelu);
    return plus(token, norm(linear(hidden, `${name}.ffn.layers.1`, w), `${name}.norm2`, w));
  });
}

function shiftedAttention(
  map: Grid,
  name: string,
  heads: number,
  { window, shift }: { window: number; shift: number },
  w: Weights,
): Grid {
  const [height, width] = [map.length, map[0]!.length];
  const up = (n: number) => Math.ceil(n / window) * window;
  const [rows, columns] = [up(height), up(width)];
  const region = (i: number, extent: number) => (i < extent - window ? 0 : i < extent - shift ? 1 : 2);
  const biasOf = positionBias(name, window, w);
  const result: Grid = map.map((row) => row.map(() => []));
  for (let top = 0; top < rows; top += window) {
    for (let left = 0; left < columns; left += window) {
      const places = Array.from({ length: window * window }, (_, k) => {
        const [r, c] = [top + Math.floor(k / window), left + (k % window)]; // in the rolled map
        const from = [(r + shift) % rows, (c + shift) % columns] as const;
        return { from, region: shift > 0 ? 3 * region(r, rows) + region(c, columns) : 0, row: r, column: c };
      });
      const tokens = places.map(({ from: [r, c] }) => cell(map, r, c));
      const mixed = attention(tokens, places, name, heads, biasOf, w);
      for (const [k, { from }] of places.entries()) {
        const [r, c] = from;
        if (r < height && c < width) result[r]![c] = mixed[k]!;
      }
    }
  }
  return result;
}

/** Bias of each head for a pair of tokens, by their offset in rows and columns. */
function positionBias(name: string, window: number, w: Weights): (rows: number, columns: number) => number[] {
  const known = new Map<string, number[]>();
  const log = (offset: number) => {
    const u = (8 * offset) / (window - 1);
    return (Math.sign(u) * Math.log2(Math.abs(u) + 1)) / 3;
  };
  return (rows, columns) => {
    const key = `${rows},${columns}`;
    const hidden = () => linear([log(rows), log(columns)], `${name}.cpb_mlp.0`, w).map((value) => Math.max(value, 0));
    const bias =
      known.get(key) ?? linear(hidden(), `${name}.cpb_mlp.2`, w).map((value) => 16 / (1 + Math.exp(-value)));
    known.set(key, bias);
    return bias;
  };
}

function attention(
  tokens: number[][],
  places: { region: number; row: number; column: number }[],
  name: string,
  heads: number,
  biasOf: (rows: number, columns: number) => number[],
  w: Weights,
): number[][] {
  const channels = tokens[0]!.length;
  const d = channels / heads;
  const { data } = w[`${name}.qkv.weight`]!;
  const project = (part: number, bias: ArrayLike<number> | undefined) =>
    tokens.map((x) =>
      Array.from(
        { length: channels },
        (_, o) => sumOver(channels, (i) => x[i]! * data[(part * channels + o) * channels + i]!) + (bias?.[o] ?? 0),
      ),
    );
  const q = project(0, w[`${name}.q_bias`]!.data);
  const k = project(1, undefined);
  const v = project(2, w[`${name}.v_bias`]!.data);
  const length = (x: number[], h: number) => Math.max(Math.hypot(...x.slice(h * d, h * d + d)), 1e-12);
  return tokens.map((_, i) => {
    const bias = tokens.map((_, j) => biasOf(places[i]!.row - places[j]!.row, places[i]!.column - places[j]!.column));
    const joined = Array.from({ length: heads }, (_, h) => {
      const scale = Math.exp(Math.min(w[`${name}.logit_scale`]!.data[h]!, Math.log(100)));
      const logits = tokens.map((_, j) => {
        const cosine = sumOver(d, (c) => q[i]![h * d + c]! * k[j]![h * d + c]!) / length(q[i]!, h) / length(k[j]!, h);
        return cosine * scale + bias[j]![h]! + (places[i]!.region === places[j]!.region ? 0 : -100);
      });
      const top = Math.max(...logits);
      const weights = logits.map((logit) => Math.exp(logit - top));
      const total = weights.reduce((a, b) => a + b);
      return Array.from({ length: d }, (_, c) =>
        sumOver(tokens.length, (j) => (weights[j]! / total) * v[j]![h * d + c]!),
      );
    });
    return linear(joined.flat(), `${name}.proj`, w);
  });
}

/** The error function's series 2/√π Σ (−1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1)); exact enough for |x| < 4. */
export function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
