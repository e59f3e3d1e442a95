import { sensorLabel } from "./findings.ts";
import { formatCount, formatDates } from "./format.ts";
import { type Html, html } from "./html.ts";
import { tone } from "./tone.ts";

const day = 86_400_000;

/** The dates of each sensor as marks on one axis of time; nothing when no date is known. */
export function timeline(
  rows: readonly { name: string; dates: readonly (string | undefined)[] }[],
): Html | undefined {
  const known = rows.map(({ dates }) => dates.map((date) => Date.parse(date ?? "")).filter(Number.isFinite));
  const all = known.flat();
  if (all.length === 0) return undefined;
  const [first, last] = all.reduce(([low, high], at) => [Math.min(low, at), Math.max(high, at)], [all[0]!, all[0]!]);
  const margin = Math.max(0.03 * (last - first), 10 * day);
  const [start, end] = [first - margin, last + margin];
  const x = (at: number) => `${((100 * (at - start)) / (end - start)).toFixed(2)}%`;
  const ticks = axisTicks(start, end);
  return html`<div class="timeline">${rows.map(({ name, dates }, i) => {
    const marks = known[i]!;
    const width = marks.length > 60 ? 1.25 : 2;
    return html`${sensorLabel(name)}
<svg height="34" role="img" aria-label="${formatCount(marks.length, "date")} of ${name}">
${ticks.map(({ at }) => html`<line x1="${x(at)}" x2="${x(at)}" y1="0" y2="34" stroke="var(--line)"/>`)}
<line x1="0" x2="100%" y1="17" y2="17" stroke="var(--line)"/>
${marks.map((at) => html`<line x1="${x(at)}" x2="${x(at)}" y1="7" y2="27" stroke="var(--${tone(name)}, var(--accent))" stroke-width="${width}" stroke-linecap="round"/>`)}
</svg><span class="muted">${formatDates(dates)}</span>`;
  })}
<svg class="axis" height="20">${ticks.map(({ at, label }) => html`<text x="${x(at)}" y="15" text-anchor="middle">${label}</text>`)}</svg></div>
`;
}

/** At most six round dates: days, months or years apart. */
function axisTicks(start: number, end: number): { at: number; label: string }[] {
  const days = (end - start) / day;
  const months = [1, 2, 3, 6, 12, 24, 60, 120, 240].find((step) => days / (30.44 * step) <= 6);
  if (days < 75 || months === undefined) return dayTicks(start, end, Math.ceil(days / 4));
  const ticks: { at: number; label: string }[] = [];
  const from = new Date(start);
  const firstMonth = 12 * from.getUTCFullYear() + from.getUTCMonth();
  for (let month = Math.ceil(firstMonth / months) * months; ; month += months) {
    const at = Date.UTC(Math.floor(month / 12), month % 12, 1);
    if (at > end) return ticks;
    if (at < start) continue;
    const label = new Date(at).toISOString().slice(0, months % 12 === 0 ? 4 : 7);
    // A label at the very edge would stick out of the axis.
    if (at - start > 0.04 * (end - start) && end - at > 0.04 * (end - start)) ticks.push({ at, label });
  }
}

function dayTicks(start: number, end: number, step: number): { at: number; label: string }[] {
  const ticks: { at: number; label: string }[] = [];
  for (let at = Math.ceil(start / day) * day + Math.floor(step / 2) * day; at < end; at += step * day) {
    ticks.push({ at, label: new Date(at).toISOString().slice(0, 10) });
  }
  return ticks;
}
