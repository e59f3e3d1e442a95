import { type Html, html } from "./html.ts";

/**
 * A confusion matrix as a picture: rows are the truth, columns what was said; the darker, the larger the share of the
 * row. Cells name their classes and counts when pointed at.
 *
 * @param counts  [classes, classes], row-major.
 */
export function confusionChart({ counts, classes }: { counts: ArrayLike<number>; classes: readonly string[] }): Html {
  const n = classes.length;
  const cells = Array.from({ length: n * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n];
    const count = counts[i]!;
    let total = 0;
    for (let k = 0; k < n; k++) total += counts[row * n + k]!;
    if (count === 0) return html``;
    const share = count / total;
    const tone = row === column ? "var(--accent)" : "var(--hr)";
    return html`<rect x="${column}" y="${row}" width="1" height="1" fill="${tone}" fill-opacity="${(0.15 + 0.85 * share).toFixed(3)}"><title>${classes[row]!} called ${classes[column]!}: ${count} of ${total}</title></rect>`;
  });
  const names = classes.map(
    (name, row) =>
      html`<text x="-0.3" y="${row + 0.72}" text-anchor="end" font-size="0.72" fill="currentColor">${name}</text>`,
  );
  const longest = Math.max(...classes.map((name) => name.length));
  const left = 0.3 + 0.42 * longest;
  return html`<svg class="confusion" viewBox="${(-left).toFixed(2)} 0 ${(n + left).toFixed(2)} ${n}" role="img" aria-label="confusion matrix: rows are the truth, columns what was said"><rect x="0" y="0" width="${n}" height="${n}" fill="none" stroke="var(--line)" stroke-width="0.05"/>${cells}${names}</svg>
<p class="muted">Rows: the truth. Columns, in the same order: what was said. Full colour is all of a row.</p>
`;
}
