// Run the benchmarks, one after the other: `npm run bench [-- NAME…] [-- --write]`. Fails where a ratio fell by a fifth.
import { spawnSync } from "node:child_process";

const all = [
  "blocks",
  "train-step",
  "pretrain",
  "augment",
  "raster-read",
  "embed-throughput",
  "segment-throughput",
  "graph-build",
];
const given = process.argv.slice(2);
const names = given.filter((argument) => !argument.startsWith("--"));
const unknown = names.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`there is no benchmark "${unknown[0]}": name some of ${all.join(", ")}`);
  process.exit(2);
}
const flags = given.filter((argument) => argument.startsWith("--"));
let failed = false;
for (const name of names.length > 0 ? names : all) {
  console.log(`\n${name}`);
  failed =
    spawnSync(process.execPath, [`out/bench/bench/${name}.js`, ...flags], { stdio: "inherit" }).status !== 0 ||
    failed;
}
process.exitCode = failed ? 1 : 0;
