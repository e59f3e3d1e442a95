import { type Html, html } from "./html.ts";

/** Units of the picture a cell. */
const cell = 20;

/**
 * A confusion matrix as a picture: rows are the truth, columns what was said; the darker, the larger the share of the
 * row. Cells name their classes and counts when pointed at.
 *
 * @param counts  [classes, classes], row-major.
 */
export function confusionChart({ counts, classes }: { counts: ArrayLike<number>; classes: readonly string[] }): Html {
  const n = classes.length;
  const totals = classes.map((_, row) => classes.reduce((sum, _name, k) => sum + counts[row * n + k]!, 0));
  const cells = Array.from({ length: n * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n];
    const count = counts[i]!;
    if (count === 0) return html``;
    const tone = row === column ? "var(--accent)" : "var(--hr)";
    const opacity = (0.15 + (0.85 * count) / totals[row]!).toFixed(3);
    return html`<rect x="${column * cell}" y="${row * cell}" width="${cell}" height="${cell}" fill="${tone}" fill-opacity="${opacity}"><title>${classes[row]!} called ${classes[column]!}: ${count} of ${totals[row]!}</title></rect>`;
  });
  const names = classes.map(
    (name, row) =>
      html`<text x="-8" y="${row * cell + 14}" text-anchor="end" style="font-size:13px" fill="currentColor">${name}</text>`,
  );
  const left = 16 + 8 * Math.max(...classes.map((name) => name.length));
  const side = n * cell;
  return html`<svg class="confusion" style="max-width:${1.3 * (side + left)}px" viewBox="${-left} 0 ${side + left} ${side}" role="img" aria-label="confusion matrix: rows are the truth, columns what was said"><rect x="0" y="0" width="${side}" height="${side}" fill="none" stroke="var(--line)"/>${cells}${names}</svg>
<p class="muted">Rows: the truth. Columns, in the same order: what was said. Full colour is all of a row.</p>
`;
}
