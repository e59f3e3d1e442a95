import { formatNumber } from "./format.ts";
import { type Html, html } from "./html.ts";

export interface Line {
  name: string;
  /** [x, y] in the order of x; a y that is no number interrupts the line. */
  points: readonly (readonly [x: number, y: number])[];
}

const tones = ["var(--accent)", "var(--hr)", "var(--s1)", "var(--s2)", "var(--muted)"];

/**
 * Lines over a common axis, with a legend when there are several.
 *
 * The plot stretches with the page while strokes and letters keep their size: the picture is in [0, 100]² with strokes
 * that do not scale, and the labels are text beside it.
 */
export function lineChart({ lines, x, y }: { lines: readonly Line[]; x: string; y: string }): Html {
  const points = lines
    .flatMap((line) => line.points)
    .filter(([px, py]) => Number.isFinite(px) && Number.isFinite(py));
  if (points.length === 0) return html`<p class="muted">No values.</p>`;
  const [left, right] = range(points.map(([px]) => px));
  const ticks = roundTicks(range(points.map(([, py]) => py)));
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  const across = (value: number) => (right > left ? (100 * (value - left)) / (right - left) : 50);
  const up = (value: number) => 100 - (100 * (value - low)) / (high - low);
  const labels = ticks.map(formatNumber);
  const widest = labels.reduce((a, b) => (b.length > a.length ? b : a));
  return html`<div class="chart"><div class="y"><span class="widest">${widest}</span>${labels.map(
    (label, i) => html`<span style="bottom:${(100 - up(ticks[i]!)).toFixed(2)}%">${label}</span>`,
  )}</div><svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="${y} by ${x}">${ticks.map(
    (tick) =>
      html`<line x1="0" x2="100" y1="${up(tick).toFixed(2)}" y2="${up(tick).toFixed(2)}" stroke="var(--line)" vector-effect="non-scaling-stroke"/>`,
  )}${lines.map(
    (line, i) =>
      html`<path d="${pathOf(line, across, up)}" fill="none" stroke="${tones[i % tones.length]}" stroke-width="2" stroke-linejoin="round" vector-effect="non-scaling-stroke"/>`,
  )}</svg><div class="x"><span>${formatNumber(left)}</span><span>${x}</span><span>${formatNumber(right)}</span></div></div>
<ul class="legend">${lines.map(({ name }, i) => html`<li style="--tone:${tones[i % tones.length]}">${name}</li>`)}</ul>
`;
}

function pathOf({ points }: Line, across: (x: number) => number, up: (y: number) => number): string {
  let pen = "M";
  return points
    .map(([x, y]) => {
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        pen = "M";
        return "";
      }
      const step = `${pen}${across(x).toFixed(2)} ${up(y).toFixed(2)}`;
      pen = "L";
      return step;
    })
    .join("");
}

function range(values: readonly number[]): [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], v) => [Math.min(low, v), Math.max(high, v)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

/** Four to seven round numbers that cover a range: steps of 1, 2 or 5 times a power of ten. */
export function roundTicks([low, high]: readonly [number, number]): number[] {
  const width = high > low ? high - low : Math.abs(low) || 1;
  const power = 10 ** Math.floor(Math.log10(width / 4));
  const step = power * ([1, 2, 5, 10].find((s) => width / (s * power) <= 5) ?? 10);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
