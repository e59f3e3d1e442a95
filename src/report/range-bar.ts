import { type Html, html } from "./html.ts";
import { tone } from "./tone.ts";

/** Normalised values beyond this are outside what a model was made for. */
const reach = 4;

/**
 * Minimum to maximum as a thin line, mean ± one deviation as a thick one, on an axis from −4 to 4 with 0 marked: a
 * band in the wrong unit stands out at a glance. What leaves the axis ends in a dot at its edge.
 */
export function rangeBar(
  { min, mean, std, max }: { min: number; mean: number; std: number; max: number },
  { sensor }: { sensor: string },
): Html {
  const x = (value: number) =>
    `${((100 * (Math.max(-reach, Math.min(reach, value)) + reach)) / (2 * reach)).toFixed(1)}%`;
  const colour = `var(--${tone(sensor)}, var(--accent))`;
  if (![min, mean, std, max].every(Number.isFinite)) return html`<span class="muted">no values</span>`;
  return html`<svg width="100%" height="16" aria-hidden="true">
<line x1="0" x2="100%" y1="8" y2="8" stroke="var(--line)"/>
<line x1="50%" x2="50%" y1="2" y2="14" stroke="var(--muted)"/>
<line x1="${x(min)}" x2="${x(max)}" y1="8" y2="8" stroke="${colour}" stroke-width="1.5"/>
<line x1="${x(mean - std)}" x2="${x(mean + std)}" y1="8" y2="8" stroke="${colour}" stroke-width="6" stroke-linecap="round" stroke-opacity=".55"/>
<circle cx="${x(mean)}" cy="8" r="3" fill="${colour}"/>
${min < -reach && html`<circle cx="0" cy="8" r="2.5" fill="var(--warn)"/>`}
${max > reach && html`<circle cx="100%" cy="8" r="2.5" fill="var(--warn)"/>`}
</svg>`;
}
