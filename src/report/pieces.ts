import { dataUri, type Html, html, trusted } from "./html.ts";
import { style } from "./style.ts";

/** A whole document: no network, no script, one style sheet, both colour schemes. */
export function page({ title, body }: { title: string; body: Html }): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${trusted(style)}</style>
</head>
<body><main>
${body}
</main></body>
</html>
`.markup;
}

export function section(heading: string, ...content: (Html | undefined)[]): Html {
  return html`<section><h2>${heading}</h2>
${content}</section>
`;
}

/** A PNG with its caption. `alt` says what it shows to whoever does not see it. */
export function figure({ png, alt, caption }: { png: Uint8Array; alt: string; caption?: Html | string }): Html {
  return html`<figure><img src="${dataUri("image/png", png)}" alt="${alt}">${
    caption !== undefined && html`<figcaption>${caption}</figcaption>`
  }</figure>
`;
}

/** The three or four numbers that one wants to know first. */
export function keyFigures(figures: readonly (readonly [label: string, value: string])[]): Html {
  return html`<dl class="figures">${figures.map(([label, value]) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
`;
}

/** Label and value, one pair a line; pairs without a value are left out. */
export function facts(pairs: readonly (readonly [label: string, value: Html | string | undefined])[]): Html {
  const given = pairs.filter(([, value]) => value !== undefined);
  return html`<dl class="facts">${given.map(([label, value]) => html`<dt>${label}</dt><dd>${value}</dd>`)}</dl>
`;
}

/** What the reader must not miss. Nothing when there is none. */
export function notes(texts: readonly string[]): Html | undefined {
  if (texts.length === 0) return undefined;
  return html`<div class="notes" role="note">${texts.map((text) => html`<p>${text}</p>`)}</div>
`;
}

/** How a column is set: `name` is the row's heading, `bar` holds a small drawing. */
export type ColumnKind = "name" | "text" | "number" | "bar";

export interface Column {
  heading: string;
  kind: ColumnKind;
  /** Neighbours with the same group share a heading above theirs. */
  group?: string;
}

export function table(columns: readonly Column[], rows: readonly (readonly (Html | string)[])[]): Html {
  return html`<div class="scroll"><table><thead>${groupRow(columns)}<tr>${columns.map(
    ({ heading, kind }) => html`<th scope="col" class="${kind}">${heading}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (row) => html`<tr>${row.map((cell, i) => tableCell(cell, columns[i]!.kind))}</tr>
`,
  )}</tbody></table></div>
`;
}

function tableCell(cell: Html | string, kind: ColumnKind): Html {
  return kind === "name" ? html`<th scope="row" class="name">${cell}</th>` : html`<td class="${kind}">${cell}</td>`;
}

function groupRow(columns: readonly Column[]): Html | undefined {
  if (columns.every(({ group }) => group === undefined)) return undefined;
  const spans: { group: string | undefined; span: number }[] = [];
  for (const { group } of columns) {
    const last = spans.at(-1);
    if (last !== undefined && last.group === group) last.span++;
    else spans.push({ group, span: 1 });
  }
  return html`<tr>${spans.map(({ group, span }) =>
    group === undefined
      ? html`<td colspan="${span}"></td>`
      : html`<th scope="colgroup" colspan="${span}" class="group">${group}</th>`,
  )}</tr>`;
}

/** A whole and its parts, as one bar with a legend: at most four. */
export function shares(parts: readonly { label: string; value: number; text: string }[]): Html {
  const total = parts.reduce((sum, { value }) => sum + value, 0) || 1;
  return html`<div class="share" aria-hidden="true">${parts.map(
    ({ value }) => html`<span style="width:${((100 * value) / total).toFixed(2)}%"></span>`,
  )}</div><ul class="legend">${parts.map(({ label, text }) => html`<li>${label} ${text}</li>`)}</ul>
`;
}

/** A list that is short, or folded behind its length, or what else is counted. */
export function foldedList(
  items: readonly (Html | string)[],
  { noun, shown = 3, count = items.length }: { noun: string; shown?: number; count?: number },
): Html {
  const list = html`<ul>${items.map((item) => html`<li class="name">${item}</li>`)}</ul>`;
  if (items.length <= shown) return list;
  return html`<details><summary>${count} ${noun}</summary>${list}</details>`;
}

/** Items of a set that could not be used, folded, with the reasons; `noun` is one of them. Nothing without any. */
export function leftOut(failures: readonly { id: string; reason: string }[], noun: string): Html | undefined {
  if (failures.length === 0) return undefined;
  const texts = failures.map(({ id, reason }) => `${id}: ${reason}`);
  return section(`${noun[0]!.toUpperCase()}${noun.slice(1)}s left out`, foldedList(texts, { noun: `${noun}s` }));
}

/** The same as a note at the head of a report. */
export function leftOutNote({ length }: readonly unknown[], noun: string): string[] {
  if (length === 0) return [];
  return [length === 1 ? `One ${noun} could not be used.` : `${length} ${noun}s could not be used.`];
}
