/**
 * What pre-training costs and how that grows with the model, the views and the dates: the cases of pretrain.ts, each in
 * a process of its own, so that its peak of memory is its own. Prints a Markdown table, and what the paper's run would
 * take at these speeds (docs/pretraining-cost.md explains the estimate). `node pretrain-sweep.js [part of a name]`.
 */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { cases, type Row } from "./pretrain.ts";

/** Guo et al. 2024, arXiv:2312.10115, appendix: 21.5 million places, 875,000 steps of 240, on 80 A100. */
const paper = { places: 875_000 * 240, days: 12.8, gflopForward: 4488.69 };
/** The student forward and backward, and the teacher forward. */
const passes = 3 + 1;

function measure(name: string): Row {
  const bench = fileURLToPath(new URL("pretrain.js", import.meta.url));
  const run = spawnSync(process.execPath, [bench, name, "--row"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (run.status !== 0) throw new Error(`${name}: the benchmark ended with ${run.status ?? run.signal}`);
  return JSON.parse(run.stdout.trim().split("\n").at(-1)!) as Row;
}

/** Two digits count. */
const short = (value: number): string => String(Number(value.toPrecision(2)));

function line({ name, parameters, placesPerSecond, gflop, ratio, peakGiB }: Row): string {
  const cells = [
    name,
    `${(parameters / 1e6).toFixed(1)} M`,
    short(placesPerSecond),
    short(gflop),
    short(placesPerSecond * gflop),
    ratio.toFixed(2),
    peakGiB.toFixed(2),
  ];
  return `| ${cells.join(" | ")} |`;
}

const [wanted = ""] = process.argv.slice(2);
console.log(`${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.versions.node}\n`);
console.log("| case | parameters | places/s | GFLOP a place | GFLOP/s | of GEMM | peak GiB |");
console.log("|---|---|---|---|---|---|---|");
const rows: Row[] = [];
for (const name of Object.keys(cases).filter((one) => one.includes(wanted))) {
  rows.push(measure(name));
  console.log(line(rows.at(-1)!));
}

/** "2,400,000": two digits say all that such an estimate knows. */
const rounded = (value: number) => Number(value.toPrecision(2)).toLocaleString("en");
const machineDays = (secondsEach: number) => (paper.places * secondsEach) / 86400;
const report = (what: string, days: number) =>
  console.log(
    `${what}: ${rounded(days)} days of this machine, or ${rounded(Math.ceil(days / paper.days))} such machines for ${paper.days} days`,
  );
console.log(`\n${paper.places / 1e6} million places (21.5 million, 9.8 times):`);
for (const { name, placesPerSecond } of rows) report(`- ${name}`, machineDays(1 / placesPerSecond));
const best = Math.max(...rows.map(({ placesPerSecond, gflop }) => placesPerSecond * gflop));
report(
  `- the paper's model, at the best speed above (${best.toPrecision(2)} GFLOP/s)`,
  machineDays((paper.gflopForward * passes) / best),
);
