import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomic } from "../../core/write-atomic.node.ts";
import { software } from "../../embed/software.ts";
import { bootstrap } from "../../evaluate/bootstrap.ts";
import { classScores, confusionMatrix } from "../../evaluate/confusion.ts";
import { trueColour } from "../../report/picture.ts";
import { thumbnailPng } from "../../report/thumbnail.node.ts";
import type { FinetuneResult } from "./finetune.node.ts";
import { classificationReport } from "./report.ts";

/** Scores of a run on its held-out part. */
export interface FinetuneScores {
  overallAccuracy: number;
  averageAccuracy: number;
  /** 95 %, bootstrap over the held-out images. */
  low: number;
  high: number;
  n: number;
}

/** Judge a run and write `report.html` and `results.json` into its folder. */
export async function writeClassificationReport(
  result: FinetuneResult,
  { out, title, command }: { out: string; title: string; command: string },
): Promise<FinetuneScores> {
  const { config, test, predictions, settings, train, failures, seconds } = result;
  const { classes, sensor } = config;
  const truths = new Map(test.map((sample) => [sample.id, sample.labels[0]!]));
  const truth = predictions.map(({ id }) => truths.get(id)!);
  const said = predictions.map(({ probabilities }) => probabilities.indexOf(Math.max(...probabilities)));
  const confusion = confusionMatrix(truth, said, { classes: classes.length });
  const scores = classScores(confusion);
  const { accuracy } = bootstrap(
    truth.length,
    (indices) => ({
      accuracy: indices.reduce((hits, i) => hits + (truth[i] === said[i] ? 1 : 0), 0) / indices.length,
    }),
    { seed: settings.seed },
  );
  const wrong = predictions
    .flatMap((prediction, i) =>
      truth[i] === said[i]
        ? []
        : [{ id: prediction.id, truth: truth[i]!, said: said[i]!, probability: prediction.probabilities[said[i]!]! }],
    )
    .sort((a, b) => b.probability - a.probability)
    .slice(0, 12);
  const mistakes = await Promise.all(
    wrong.map(async ({ id, truth, said, probability }) => {
      const place = await test.find((sample) => sample.id === id)!.read();
      const png = await thumbnailPng(trueColour(place[sensor]!, { sensor }), { side: 128 });
      return { id, truth: classes[truth]!, said: classes[said]!, probability, png };
    }),
  );
  const log = await readFile(join(out, "metrics.jsonl"), "utf8");
  const steps = log
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const summary: FinetuneScores = {
    overallAccuracy: scores.overallAccuracy,
    averageAccuracy: scores.averageAccuracy,
    ...accuracy,
    n: truth.length,
  };
  await writeAtomic(
    join(out, "report.html"),
    classificationReport({
      title,
      command,
      software,
      created: new Date().toISOString(),
      steps,
      scores,
      interval: accuracy,
      confusion,
      classes,
      mistakes,
      counts: { train: train.length, test: truth.length },
      settings: { ...settings },
      failures,
      seconds,
    }),
  );
  await writeAtomic(join(out, "results.json"), `${JSON.stringify({ ...summary, settings }, null, 2)}\n`);
  return summary;
}
