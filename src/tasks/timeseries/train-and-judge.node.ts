import { join } from "node:path";
import { type FinetuneOptions, type FinetuneResult, finetuneSeries } from "./finetune.node.ts";
import { judgeSeries } from "./judge.node.ts";
import { openSeriesModel } from "./series-session.node.ts";
import { type SeriesSummary, writeSeriesReport } from "./write-report.node.ts";

/**
 * Fine-tune a model of dated places, judge it once on the held-out ones (nothing is chosen by them), and write
 * `report.html` and `results.json` beside the model.
 *
 * @returns `summary` on the first process alone
 * @throws SkySenseError those of `finetuneSeries` and `judgeSeries`
 */
export async function trainAndJudge(
  options: FinetuneOptions & { command: string },
): Promise<{ result: FinetuneResult; summary: SeriesSummary | undefined; model: string }> {
  const { set, out, command, communicator, threads, signal, onProgress } = options;
  const result = await finetuneSeries(options);
  const model = join(out, "model.safetensors");
  if (communicator !== undefined && communicator.rank > 0) return { result, summary: undefined, model };
  const { config, settings, base, weights, train, val, failures } = result;
  const session = openSeriesModel({ config, weights }, { threads });
  try {
    const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
    const judgement = await judgeSeries(session, val, abort);
    const { sensors, dates, classes } = config;
    const summary = await writeSeriesReport(
      { ...judgement, failures: [...failures, ...judgement.failures] },
      {
        title: `${set.name}: ${classes.length} classes, ${settings.mode}`,
        training: { places: train.length, settings, base },
        seconds: result.seconds,
        seed: settings.seed,
        items: val,
        ...{ out, command, config, sensors, dates },
      },
    );
    return { result, summary, model };
  } finally {
    await session.release();
  }
}
