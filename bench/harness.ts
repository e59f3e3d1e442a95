import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";

/** A function to be timed; where it returns a number, it has timed what counts itself: milliseconds. */
export type Run = () => unknown;

/** Milliseconds of two functions, and how many times as fast `a` is as `b`. */
export interface Comparison {
  aMs: number;
  bMs: number;
  /** bMs / aMs: above 1, `a` is faster. */
  ratio: number;
}

/**
 * Time two functions in turns, so that whatever else the machine does meets both, and compare their minima: the
 * minimum is what the code needs, everything above it is what the machine did besides.
 */
export async function compareRuns({
  a,
  b,
  rounds = 9,
  warmups = 1,
}: {
  a: Run;
  b: Run;
  rounds?: number;
  warmups?: number;
}): Promise<Comparison> {
  let aMs = Number.POSITIVE_INFINITY;
  let bMs = Number.POSITIVE_INFINITY;
  for (let round = -warmups; round < rounds; round++) {
    const [aNow, bNow] = [await time(a), await time(b)];
    if (round < 0) continue;
    aMs = Math.min(aMs, aNow);
    bMs = Math.min(bMs, bNow);
  }
  return { aMs, bMs, ratio: bMs / aMs };
}

async function time(run: Run): Promise<number> {
  const start = performance.now();
  const own = await run();
  return typeof own === "number" ? own : performance.now() - start;
}

/** Ratios by name, with the machine that they were measured on. */
export interface Baseline {
  machine: string;
  ratios: Record<string, number>;
}

/** A ratio that falls below this part of the recorded one is a fault. */
const tolerated = 0.8;

/**
 * Collects the ratios of one benchmark program and holds them against `bench/baseline.json`. Names that are not
 * recorded yet, and all names with `--write` on the command line, are recorded.
 */
export class Ratios {
  readonly #file: string;
  readonly #write: boolean;
  readonly #measured: Record<string, number> = {};

  constructor({ file = "bench/baseline.json", write = process.argv.includes("--write") } = {}) {
    this.#file = file;
    this.#write = write;
  }

  /** Note and print one ratio. */
  add(name: string, { aMs, bMs, ratio }: Comparison): void {
    this.#measured[name] = ratio;
    console.log(
      `${name.padEnd(50)} ${aMs.toFixed(1).padStart(9)} ms ${bMs.toFixed(1).padStart(9)} ms  ${ratio.toFixed(2)}`,
    );
  }

  /**
   * Compare with the record and update it.
   * @returns one sentence for each ratio that fell by more than a fifth.
   */
  finish(): string[] {
    const { ratios, machine } = readBaseline(this.#file);
    const faults = Object.entries(this.#measured)
      .filter(([name, ratio]) => !this.#write && ratio < tolerated * (ratios[name] ?? 0))
      .map(([name, ratio]) => `${name}: ${ratio.toFixed(2)}, recorded ${ratios[name]!.toFixed(2)} (${machine})`);
    const fresh = Object.entries(this.#measured).filter(([name]) => this.#write || !(name in ratios));
    if (fresh.length > 0) {
      for (const [name, ratio] of fresh) ratios[name] = Number(ratio.toFixed(3));
      const sorted = Object.fromEntries(Object.entries(ratios).sort(([a], [b]) => (a < b ? -1 : 1)));
      const baseline: Baseline = { machine: machine || describeMachine(), ratios: sorted };
      writeFileSync(`${this.#file}.new`, `${JSON.stringify(baseline, null, 2)}\n`);
      renameSync(`${this.#file}.new`, this.#file);
    }
    return faults;
  }
}

function readBaseline(file: string): Baseline {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Baseline;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { machine: "", ratios: {} };
    throw error;
  }
}

function describeMachine(): string {
  return `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}`;
}

/** Print the faults and make the program fail if there are any. */
export function conclude(faults: readonly string[]): void {
  for (const fault of faults) console.error(`slower than recorded: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
}
