/**
 * Seeded random numbers, the same on every device and engine.
 *
 * Everything is integer arithmetic or +, −, ×, ÷ and √ on doubles, which IEEE 754 fixes to the last bit; `Math.log`
 * and `Math.cos`, which engines may round differently, are not used.
 */
export interface Random {
  /** A whole number in [0, 2³²). */
  uint32(): number;
  /** A number in (0, 1), never 0 and never 1: one of 2³² equally spaced values. */
  uniform(): number;
  /** A whole number in [0, `n`), without bias; 1 ≤ n ≤ 2³². */
  integer(n: number): number;
  /** Mean 0, standard deviation 1; |value| < 6.4. */
  normal(): number;
  /** A normal number of standard deviation `std`, drawn again while it is outside [`min`, `max`]. */
  truncatedNormal(options: { std: number; min: number; max: number }): number;
  /** Put `items` in random order, in place (Fisher–Yates), and return it. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T;
  /** Four words from which {@link resumeRandom} goes on. */
  state(): number[];
}

/**
 * A generator from a seed; each further key (a parameter's name, an epoch) gives an independent stream, so that what
 * one of them draws does not depend on the order of the others.
 */
export function createRandom(seed: number, ...keys: (string | number)[]): Random {
  let hash = 0;
  const words = [...`${seed}`, ...keys.flatMap((key) => [" ", ...`${key}`])].map((letter) => letter.codePointAt(0)!);
  const state = [0, 1, 2, 3].map((lane) => {
    hash = mix(hash ^ Math.imul(lane + 1, 0x9e3779b9));
    for (const word of words) hash = mix(hash ^ word);
    return hash;
  });
  return resumeRandom(state);
}

/** The generator that goes on from `state`. */
export function resumeRandom(state: readonly number[]): Random {
  // xoshiro128** 1.1 (Blackman & Vigna 2018): period 2¹²⁸ − 1; the state must not be all zero.
  let [a = 0, b = 0, c = 0, d = 0] = state.map((word) => word | 0);
  if ((a | b | c | d) === 0) a = 1;

  const uint32 = () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
  const uniform = () => (uint32() + 0.5) / 2 ** 32;
  const normal = () => normalQuantile(uniform());
  const integer = (n: number) => {
    const limit = 2 ** 32 - (2 ** 32 % n);
    let word = uint32();
    while (word >= limit) word = uint32();
    return word % n;
  };

  return {
    uint32,
    uniform,
    integer,
    normal,
    truncatedNormal({ std, min, max }) {
      let value = normal() * std;
      while (value < min || value > max) value = normal() * std;
      return value;
    },
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = integer(i + 1);
        [items[i], items[j]] = [items[j], items[i]];
      }
      return items;
    },
    state: () => [a, b, c, d].map((word) => word >>> 0),
  };
}

const rotate = (word: number, by: number) => (word << by) | (word >>> (32 - by));

/** The finaliser of MurmurHash3: every bit of the input reaches every bit of the output. */
function mix(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

/**
 * Φ⁻¹(p), to about 1e-15 relative, for 1e-10 < p < 1 − 1e-10.
 * @see Wichura 1988, "Algorithm AS 241", PPND16; its third branch (p < e⁻²⁵) cannot be reached from 32 bits.
 */
function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(centre.numerator, r)) / polynomial(centre.denominator, r);
  }
  const r = Math.sqrt(-log(q < 0 ? p : 1 - p)) - 1.6;
  const tailValue = polynomial(tail.numerator, r) / polynomial(tail.denominator, r);
  return q < 0 ? -tailValue : tailValue;
}

/** Natural logarithm of 0 < x < 1: halvings, then 2 artanh((x−1)/(x+1)) = 2(s + s³/3 + s⁵/5 + …), |s| < 0.172. */
function log(x: number): number {
  let exponent = 0;
  for (; x < Math.SQRT1_2; x *= 2) exponent--;
  const s = (x - 1) / (x + 1);
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * s * s + 1 / k;
  return 2 * s * sum + exponent * Math.LN2;
}

/** Horner's rule; coefficients from the constant upwards. */
const polynomial = (coefficients: readonly number[], x: number) =>
  coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);

const centre = {
  numerator: [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
    67265.7709270087, 33430.57558358813, 2509.0809287301227,
  ],
  denominator: [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
};
const tail = {
  numerator: [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  denominator: [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
};
