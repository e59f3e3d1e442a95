import { join } from "node:path";
import { readBank } from "../checkpoint/prototype-bank.ts";
import type { LongCall } from "../core/progress.ts";
import { writeAtomic } from "../core/write-atomic.node.ts";
import { createModel } from "../embed/model.ts";
import { software } from "../embed/software.ts";
import type { PlaceSource } from "../imagery/scene/place-source.node.ts";
import type { SkySenseConfig } from "../model/skysense.ts";
import { createRuntime } from "../runtime/runtime.node.ts";
import type { Weights } from "../runtime/weights.ts";
import { readMetrics } from "../train/metrics-log.node.ts";
import { pretrainReport } from "./report.ts";
import type { MetricsRow } from "./report-charts.ts";
import { attentionsOf, encodeSample, evenly, featureMaps, neighboursOf } from "./report-samples.node.ts";

export interface WritePretrainReport extends Pick<LongCall, "signal"> {
  /** Folder of the run, with `metrics.jsonl`; gets `report.html`. */
  out: string;
  title: string;
  /** The exact command, ready to be pasted into a shell. */
  command: string;
  name: string;
  config: SkySenseConfig;
  /** The model's, at the end of the run. */
  weights: Weights;
  /** All places of the list. */
  places: readonly { id: string; source: PlaceSource }[];
  settings: Readonly<Record<string, unknown>>;
  failures: readonly { id: string; reason: string }[];
  notes?: readonly string[];
  /** Of the whole run. */
  seconds?: number;
  /** Places that pictures are drawn from, and as many again of those whose list says their location. */
  shown?: number;
}

/**
 * Write `report.html` of a pre-training run: what its metrics say, and what the model makes of some of its places.
 *
 * @throws SkySenseError `BAD_BANK` | `DISK_FULL` | `NOT_WRITABLE`
 */
export async function writePretrainReport(options: WritePretrainReport): Promise<void> {
  const { out, title, command, name, config, weights, places, failures, notes = [], seconds, signal } = options;
  const metrics = await readMetrics<MetricsRow>(out);
  const runtime = createRuntime({ maxSessions: 8 });
  const model = createModel({ name, config, trained: true, weights }, { runtime, device: "cpu" });
  try {
    const sample = await encodeSample(model, chosen(places, options.shown ?? 240), { signal });
    const width = config.fusion.width;
    const bank = readBank((key) => (weights.entries.has(key) ? weights.get(key) : undefined), { file: weights.name });
    const report = pretrainReport({
      title,
      command,
      software,
      created: new Date().toISOString(),
      metrics,
      places: { all: places.length, encoded: sample.length },
      model: { name, parameters: model.parameters, sha256: await weights.sha256() },
      neighbours: await neighboursOf(sample, { width, queries: 10, count: 6 }),
      maps: await featureMaps(model, sample, { count: 12, signal }),
      globe: bank && {
        grid: bank.grid,
        prototypes: bank.shape[1],
        attention: attentionsOf(bank, sample),
        visits: bank.visits,
      },
      settings: described(options.settings),
      failures,
      notes,
      seconds,
    });
    await writeAtomic(join(out, "report.html"), report);
  } finally {
    await runtime.release();
  }
}

function chosen(places: WritePretrainReport["places"], count: number): WritePretrainReport["places"] {
  const located = places.filter(({ source }) =>
    "place" in source ? source.place.location : "files" in source && source.options?.location,
  );
  return [...new Set([...evenly(places, count), ...evenly(located, count)])];
}

/** "weight decay" for weightDecay; lists and groups as they would be written. */
function described(settings: Readonly<Record<string, unknown>>): Record<string, string> {
  const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const shown = (value: unknown): string => {
    if (Array.isArray(value)) return value.map(shown).join(" to ");
    if (typeof value !== "object" || value === null) return String(value);
    return Object.entries(value)
      .map(([name, part]) => `${words(name)} ${shown(part)}`)
      .join(", ");
  };
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [words(name), shown(value)]));
}
