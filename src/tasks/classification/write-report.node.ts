import { createHash } from "node:crypto";
import { join } from "node:path";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import { software } from "../../embed/software.ts";
import { addResults } from "../../evaluate/result-file.node.ts";
import type { ProbeResult } from "../../evaluate/results.ts";
import { encoderWidths } from "../../model/encoder.ts";
import { listParameters } from "../../model/parameters.ts";
import { trueColour } from "../../report/picture.ts";
import { thumbnailPng } from "../../report/thumbnail.node.ts";
import { readMetrics } from "../../train/metrics-log.node.ts";
import { type NamesReport, namesReport } from "../names/report.ts";
import { judged, measuresOf, perClass, worstMistakes } from "../names/scores.ts";
import type { FinetuneResult } from "./finetune.node.ts";
import { initClassifier } from "./head.ts";

type Steps = NamesReport["runs"][number]["steps"][number];

/**
 * Judge the runs of one command and write `report.html` into their folder; their numbers are added to `results.json`
 * there, and to its table `results.md`.
 *
 * @returns the numbers of these runs
 * @throws SkySenseError `BAD_RESULTS` | `DISK_FULL` | `NOT_WRITABLE`
 */
export async function writeClassificationReport(
  runs: readonly FinetuneResult[],
  { out, command }: { out: string; command: string },
): Promise<ProbeResult[]> {
  const first = runs[0]!;
  const { config, train } = first;
  const { classes, multiLabel } = config;
  const judgedRuns = await Promise.all(
    runs.map(async (run) => {
      const found = judged(run.predictions, run.test);
      const { seed } = run.settings;
      return {
        run,
        found,
        seed,
        measures: measuresOf(found, config, { seed }),
        steps: await readMetrics<Steps>(run.out),
      };
    }),
  );
  const rows = judgedRuns.flatMap(({ run, measures }) =>
    measures.map((measure): ProbeResult => ({ ...rowOf(run, command), ...measure })),
  );
  await addResults(rows, { out: join(out, "results.json"), table: join(out, "results.md") });
  const all = judged(
    runs.flatMap(({ predictions }) => predictions),
    runs.flatMap(({ test }) => test),
  );
  const { rows: classRows, confusion } = perClass(all, config);
  const report: NamesReport = {
    title: `${train.length} images of ${classes.length} classes from ${first.name}`,
    command,
    software,
    created: new Date().toISOString(),
    classes,
    multiLabel,
    runs: judgedRuns.map(({ seed, measures, steps }) => ({ seed, measures, steps })),
    classRows,
    confusion,
    mistakes: await pictured(first, worstMistakes(first.predictions, judgedRuns[0]!.found, { ...config, most: 12 })),
    counts: { train: train.length, test: first.predictions.length },
    settings: settingsOf(runs),
    failures: [...new Map(runs.flatMap(({ failures }) => failures.map((failure) => [failure.id, failure]))).values()],
    seconds: runs.reduce((sum, { seconds }) => sum + seconds, 0),
  };
  await writeAtomic(join(out, "report.html"), namesReport(report));
  return rows;
}

/** All of a row but its measure. */
function rowOf(
  { name, model, config, settings, train, predictions }: FinetuneResult,
  command: string,
): Omit<ProbeResult, "metric" | "value" | "low" | "high"> {
  const ids = train.map(({ id }) => id);
  return {
    dataset: name,
    features: `${model.name}${model.trained ? "" : ", random weights"}, ${config.sensor}`,
    protocol: `fine-tuned ${settings.mode}`,
    n: predictions.length,
    train: train.length,
    classes: config.classes.length,
    seed: settings.seed,
    dimensions: encoderWidths(config).at(-1)!,
    parameters: listParameters(initClassifier(config)).reduce(
      (sum, [, { shape, buffer }]) => sum + (buffer === true ? 0 : shape.reduce((n, extent) => n * extent, 1)),
      0,
    ),
    imagesPerSecond: null,
    command,
    run: hash([software, name, model.hash, config, settings, ids]),
  };
}

function settingsOf(runs: readonly FinetuneResult[]): Record<string, string> {
  const { model, config, settings } = runs[0]!;
  const { seed: _, ...rest } = settings;
  // "weight decay" for weightDecay
  const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const given = Object.entries({ ...rest, lr: undefined, learningRate: rest.lr }).flatMap(([name, value]) =>
    value === undefined ? [] : [[words(name), String(value)]],
  );
  return {
    model: `${model.name}${model.trained ? "" : ", random weights"}`,
    sensor: config.sensor,
    size: `${config.size} pixels`,
    ...Object.fromEntries(given),
    seed: runs.map((run) => run.settings.seed).join(", "),
  };
}

async function pictured({ test, config: { sensor } }: FinetuneResult, mistakes: ReturnType<typeof worstMistakes>) {
  return Promise.all(
    mistakes.map(async ({ id, text }) => {
      const place = await test.find((sample) => sample.id === id)!.read();
      const png = await thumbnailPng(trueColour(place[sensor]!, { sensor }), { side: 128 });
      return { id, text, png };
    }),
  );
}

function hash(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
