import { SkySenseError } from "../core/error.ts";
import { formatNumber } from "../report/format.ts";
import type { PretrainSettings } from "./settings.ts";

/** What is measured: see monitors.ts. */
export const monitorNames = ["entropy", "balance", "used", "deviation", "agreement"] as const;
export type MonitorName = (typeof monitorNames)[number];

/** Metrics of these names are `monitor.BRANCH.NAME`, as "monitor.hr.entropy". */
export const monitorPrefix = "monitor.";

/** Where runs that learn are found (they start outside), and what is a collapse. */
export interface MonitorRange {
  meaning: string;
  healthy: readonly [from: number, to: number];
  /** A run that stays below or above these has collapsed. */
  alarm: { below?: { limit: number; sign: string }; above?: { limit: number; sign: string } };
}

export const monitorRanges: Readonly<Record<MonitorName, MonitorRange>> = {
  entropy: {
    meaning: "entropy of the teacher's assignments",
    healthy: [0.3, 0.9],
    alarm: {
      below: { limit: 0.05, sign: "the teacher is certain of everything" },
      above: { limit: 0.98, sign: "the teacher tells nothing apart" },
    },
  },
  balance: {
    meaning: "entropy of their mean",
    healthy: [0.7, 1],
    alarm: { below: { limit: 0.3, sign: "all images are assigned alike" } },
  },
  used: {
    meaning: "share of prototypes in use",
    healthy: [0.5, 1],
    alarm: { below: { limit: 0.1, sign: "nearly all prototypes are dead" } },
  },
  deviation: {
    meaning: "deviation of the features",
    healthy: [0.7, 1],
    alarm: { below: { limit: 0.3, sign: "all features point the same way" } },
  },
  // Late in a run, when the learning rate is small, student and teacher are nearly one: no alarm.
  agreement: { meaning: "cosine of student and teacher", healthy: [0.8, 0.99], alarm: {} },
};

/**
 * The ranges of a run. A centred teacher begins with a tenth of the prototypes in use, and stays there for long while
 * balance and deviation are sound: two of a hundred are a collapse.
 */
export function rangesFor(balance: PretrainSettings["balance"]): typeof monitorRanges {
  if (balance === "sinkhorn") return monitorRanges;
  const { used } = monitorRanges;
  const below = { ...used.alarm.below!, limit: 0.02 };
  return { ...monitorRanges, used: { ...used, alarm: { below } } };
}

/**
 * Watch the monitors of a run.
 *
 * @param options.from  First step that counts: after the warm-up.
 * @param options.patience  A collapse is what lasts for so many reports in a row.
 * @returns a function of each step's metrics; others than monitors are passed over.
 * @throws SkySenseError from that function: `COLLAPSED`.
 */
export function watch({
  from,
  patience = 20,
  ranges = monitorRanges,
}: {
  from: number;
  patience?: number;
  ranges?: Readonly<Record<MonitorName, MonitorRange>>;
}): (step: number, metrics: Readonly<Record<string, number>>) => void {
  const lasting = new Map<string, number>();
  return (step, metrics) => {
    if (step < from) return;
    for (const [metric, value] of Object.entries(metrics)) {
      if (!metric.startsWith(monitorPrefix)) continue;
      const [, branch, name] = metric.split(".");
      const range = ranges[name as MonitorName];
      const wrong = range && crossed(range, value);
      const count = wrong === undefined ? 0 : (lasting.get(metric) ?? 0) + 1;
      lasting.set(metric, count);
      if (wrong !== undefined && count >= patience) {
        throw collapsed({ step, branch: branch!, value, count, range: range!, ...wrong });
      }
    }
  };
}

interface Crossed {
  limit: number;
  sign: string;
  side: "less" | "more";
}

function crossed({ alarm: { below, above } }: MonitorRange, value: number): Crossed | undefined {
  if (below !== undefined && !(value >= below.limit)) return { ...below, side: "less" };
  if (above !== undefined && value > above.limit) return { ...above, side: "more" };
  return undefined;
}

type Collapse = Crossed & {
  step: number;
  branch: string;
  value: number;
  count: number;
  range: MonitorRange;
};

function collapsed({ step, branch, value, count, range, limit, sign, side }: Collapse): SkySenseError {
  return new SkySenseError({
    code: "COLLAPSED",
    what:
      `the run has collapsed at step ${step}: ${sign} (${branch}); the ${range.meaning} is ${formatNumber(value)}, ` +
      `and ${formatNumber(limit)} or ${side === "less" ? "more" : "less"} is sound, for ${count} reports in a row`,
    remedy: `Start again with ${remedies[side]}.`,
  });
}

const remedies = {
  less: "a third of the learning rate, or with the teacher's assignments balanced by Sinkhorn",
  more: "a lower teacher temperature (0.02)",
};
