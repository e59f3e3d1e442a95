import { join } from "node:path";
import { judgeMapper } from "../maps/judge.node.ts";
import { openChangeDetector } from "./change-session.node.ts";
import { sampleOf } from "./data/change-set.ts";
import { type FinetuneOptions, type FinetuneResult, finetuneChange } from "./finetune.node.ts";
import { type ChangeSummary, writeChangeReport } from "./write-report.node.ts";

/**
 * Fine-tune a change detector, judge it once on the held-out pairs (nothing is chosen by them), and write `report.html`
 * and `results.json` beside the model.
 *
 * @returns `summary` on the first process alone
 * @throws SkySenseError those of `finetuneChange` and `judgeMapper`
 */
export async function trainAndJudge(
  options: FinetuneOptions & { command: string },
): Promise<{ result: FinetuneResult; summary: ChangeSummary | undefined; model: string }> {
  const { set, out, command, communicator, threads, signal, onProgress } = options;
  const result = await finetuneChange(options);
  const model = join(out, "model.safetensors");
  if (communicator !== undefined && communicator.rank > 0) return { result, summary: undefined, model };
  const { config, settings, weights, train, val, failures } = result;
  const session = openChangeDetector({ config, weights }, { threads });
  try {
    const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
    const samples = val.map((item) => sampleOf(item, options));
    const judgement = await judgeMapper(session, samples, abort);
    const summary = await writeChangeReport(
      { ...judgement, failures: [...failures, ...judgement.failures] },
      {
        title: `${set.name}: change, ${settings.mode}`,
        training: { pairs: train.length, settings },
        seconds: result.seconds,
        seed: settings.seed,
        ...{ out, command, config },
      },
    );
    return { result, summary, model };
  } finally {
    await session.release();
  }
}
