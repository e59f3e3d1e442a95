import { type Html, html } from "./html.ts";

/** Up to so many classes, cells have room for numbers; and numbers of so many digits have room in a cell. */
const mostWithNumbers = 16;
const mostDigits = 4;

/**
 * A confusion matrix as a picture: rows are the truth, columns what was said; the darker, the larger the share of the
 * row. Cells name their classes and counts when pointed at; where there is room they show them, large ones as per cent
 * of the row.
 *
 * @param counts  [classes, classes], row-major.
 */
export function confusionChart({ counts, classes }: { counts: ArrayLike<number>; classes: readonly string[] }): Html {
  const n = classes.length;
  const cell = n <= mostWithNumbers ? 36 : 20;
  const totals = classes.map((_, row) => classes.reduce((sum, _name, k) => sum + counts[row * n + k]!, 0));
  const shares = Math.max(...totals) >= 10 ** mostDigits;
  const cells = Array.from({ length: n * n }, (_, i) => {
    const [row, column] = [Math.floor(i / n), i % n];
    const count = counts[i]!;
    if (count === 0) return html``;
    const [x, y, share] = [column * cell, row * cell, count / totals[row]!];
    const tone = row === column ? "var(--accent)" : "var(--hr)";
    const number =
      n <= mostWithNumbers &&
      html`<text x="${x + cell / 2}" y="${y + cell / 2 + 4}" text-anchor="middle" style="font-size:12px;fill:${share > 0.5 ? "var(--paper)" : "var(--ink)"}">${shares ? Math.round(100 * share) : count}</text>`;
    return html`<g><title>${classes[row]!} called ${classes[column]!}: ${count} of ${totals[row]!}</title><rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill="${tone}" fill-opacity="${(0.12 + 0.88 * share).toFixed(3)}"/>${number}</g>`;
  });
  const style = "font-size:13px";
  const rows = classes.map(
    (name, k) => html`<text x="-8" y="${(k + 0.5) * cell + 4}" text-anchor="end" style="${style}">${name}</text>`,
  );
  const columns = classes.map(
    (name, k) =>
      html`<text transform="translate(${(k + 0.5) * cell + 4} -8) rotate(-60)" style="${style}">${name}</text>`,
  );
  const longest = Math.max(...classes.map((name) => name.length));
  const left = 16 + 7.5 * longest;
  // Names of columns lean to the right by half of their length.
  const [top, right] = [16 + 0.87 * 7.5 * longest, 4 * longest];
  const side = n * cell;
  const [width, height] = [left + side + right, top + side + 1];
  return html`<svg class="confusion" style="max-width:${width}px" viewBox="${-left} ${-top} ${width} ${height}" role="img" aria-label="confusion matrix: rows are the truth, columns what was said"><rect x="0" y="0" width="${side}" height="${side}" fill="none" stroke="var(--line)"/>${cells}${rows}${columns}</svg>
<p class="muted">Rows: the truth. Columns: what was said. Full colour is all of a row.${shares && n <= mostWithNumbers && " Numbers are per cent of a row."}</p>
`;
}
