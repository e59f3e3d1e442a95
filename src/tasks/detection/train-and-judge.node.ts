import { join } from "node:path";
import type { WindowOptions } from "./detect-scene.node.ts";
import { openDetector } from "./detector-session.node.ts";
import { type Judgement, judgeDetector } from "./evaluate.node.ts";
import { type FinetuneOptions, type FinetuneResult, finetuneDetection } from "./finetune.node.ts";
import { writeDetectionReport } from "./write-report.node.ts";

/**
 * Fine-tune a detector, judge it once on the held-out images (nothing is chosen by them), and write `report.html` and
 * `results.json` beside the model.
 *
 * @returns `judgement` on the first process alone
 * @throws SkySenseError those of `finetuneDetection` and `judgeDetector`
 */
export async function trainAndJudge(
  options: FinetuneOptions & WindowOptions & { command: string },
): Promise<{ result: FinetuneResult; judgement: Judgement | undefined; model: string }> {
  const { set, scene, out, command, communicator, threads, window, overlap, signal, onProgress } = options;
  const result = await finetuneDetection(options);
  const model = join(out, "model.safetensors");
  if (communicator !== undefined && communicator.rank > 0) return { result, judgement: undefined, model };
  const { config, settings, weights, train, val, failures, seconds } = result;
  const session = openDetector({ config, weights }, { threads });
  try {
    const abort = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
    const judged = await judgeDetector(session, val, { scene, window, overlap, seed: settings.seed, ...abort });
    const judgement = { ...judged, failures: [...failures, ...judged.failures] };
    const objects = config.classes.length === 1 ? "1 class" : `${config.classes.length} classes`;
    await writeDetectionReport(judgement, {
      ...{ out, command, config, scene, seconds, training: { images: train.length, settings } },
      title: `${set.name}: ${objects} of objects, ${settings.mode}`,
    });
    return { result, judgement, model };
  } finally {
    await session.release();
  }
}
