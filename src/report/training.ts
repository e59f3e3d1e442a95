import { type Line, lineChart } from "./chart.ts";
import { type Html, html } from "./html.ts";
import { facts, section } from "./pieces.ts";

/** Points of a curve at most. */
const mostPoints = 250;

/** A curve of a long run: each point is the mean of its stretch, so that noise does not hide the way; both ends stay. */
export function thinned(points: Line["points"]): Line["points"] {
  const each = Math.ceil(points.length / mostPoints);
  if (each <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / each) }, (_, i): [number, number] => {
    const some = points.slice(i * each, (i + 1) * each);
    const mean = (axis: 0 | 1) => some.reduce((sum, point) => sum + point[axis], 0) / some.length;
    const x = i === 0 ? some[0]![0] : (i + 1) * each >= points.length ? some.at(-1)![0] : mean(0);
    return [x, mean(1)];
  });
}

/** A number of a run by its steps; undefined: it was not measured. */
export function curveOf<Step extends { step: number }>(
  name: string,
  steps: readonly Step[],
  measured: (step: Step) => number | undefined,
): Line {
  return { name, points: thinned(steps.map((step) => [step.step, measured(step) ?? Number.NaN] as const)) };
}

/** How a task's run went, and its settings. */
export function trainingSections<Step extends { step: number; lr?: number }>({
  settings,
  steps,
  losses,
}: {
  settings: Readonly<Record<string, unknown>>;
  steps: readonly Step[];
  /** The curves of the first chart, by their names. */
  losses: Readonly<Record<string, (step: Step) => number | undefined>>;
}): Html {
  const lines = Object.entries(losses).map(([name, measured]) => curveOf(name, steps, measured));
  const lr = curveOf("Learning rate", steps, (step) => step.lr);
  return html`${section(
    "Training",
    lineChart({ lines, x: "step", y: "loss" }),
    lineChart({ lines: [lr], x: "step", y: "learning rate" }),
  )}
${section("Settings", facts(Object.entries(settings).map(([name, value]) => [name, String(value)])))}`;
}
