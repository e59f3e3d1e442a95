import { join } from "node:path";
import { judgeSegmenter } from "./evaluate.node.ts";
import { type FinetuneOptions, type FinetuneResult, finetuneSegmentation } from "./finetune.node.ts";
import { openSegmenter } from "./segmenter-session.node.ts";
import { type SegmentationSummary, writeSegmentationReport } from "./write-report.node.ts";

/**
 * Fine-tune a segmenter, judge it once on the held-out images (nothing is chosen by them), and write `report.html` and
 * `results.json` beside the model.
 *
 * @returns `summary` on the first process alone
 * @throws SkySenseError those of `finetuneSegmentation` and `judgeSegmenter`
 */
export async function trainAndJudge(
  options: FinetuneOptions & { command: string },
): Promise<{ result: FinetuneResult; summary: SegmentationSummary | undefined; model: string }> {
  const { set, scene, out, command, communicator, threads, signal, onProgress } = options;
  const result = await finetuneSegmentation(options);
  const model = join(out, "model.safetensors");
  if (communicator !== undefined && communicator.rank > 0) return { result, summary: undefined, model };
  const { config, settings, weights, train, val, failures } = result;
  const session = openSegmenter({ config, weights }, { threads });
  try {
    const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
    const judgement = await judgeSegmenter(session, val, { set, scene, ...abort });
    const summary = await writeSegmentationReport(
      { ...judgement, failures: [...failures, ...judgement.failures] },
      {
        title: `${set.name}: ${config.classes.length} classes, ${settings.mode}`,
        training: { images: train.length, settings },
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
