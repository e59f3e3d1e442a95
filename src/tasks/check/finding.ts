import { formatCount, formatNumber } from "../../report/format.ts";
import type { CheckedSet } from "./checked-set.ts";

/** What was found in a data set. */
export interface Finding extends Pick<CheckedSet, "name" | "layout" | "unit" | "noun" | "notes"> {
  task: string;
  /** Images of each split. */
  splits: Readonly<Record<string, number>>;
  /** How much there is of each class, by split; what is labelled with none stands in `unlabelled`. */
  classes: readonly { name: string; counts: Readonly<Record<string, number>> }[];
  unlabelled: Readonly<Record<string, number>>;
  /** Images without any class. */
  empty: number;
  /** "256 × 256 pixels", how often; the most frequent first. */
  sizes: readonly Tally[];
  /** "hr: R, G, B", how often. */
  bands: readonly Tally[];
  /** The same sentences that training would say. */
  problems: readonly string[];
}

export interface Tally {
  name: string;
  count: number;
}

/** Lines that are shown of each kind. */
const shown = 10;

/** A finding as text for a terminal. */
export function formatFinding(finding: Finding): string {
  const { task, name, layout, splits, empty, sizes, bands, unit, noun, notes, problems } = finding;
  const images = Object.values(splits).reduce((sum, count) => sum + count, 0);
  const parts = Object.entries(splits).map(([split, count]) => `${formatNumber(count)} ${split}`);
  const divided = parts.length > 1 || splits.all === undefined ? ` (${parts.join(", ")})` : "";
  return [
    `${name}: ${task}, ${layout}`,
    `  ${formatCount(images, noun)}${divided}`,
    ...tallied("sizes", sizes),
    ...tallied("bands", bands),
    ...classTable(finding),
    ...(empty > 0 ? [`  ${formatCount(empty, noun)} without any ${unit === "boxes" ? "box" : "label"}`] : []),
    ...notes.map((note) => `  note: ${note}`),
    ...(problems.length === 0 ? ["  no problems"] : [`  ${formatCount(problems.length, "problem")}:`]),
    ...problems.slice(0, shown).map((problem) => `    ${problem}`),
    ...(problems.length > shown ? [`    … and ${problems.length - shown} more`] : []),
  ].join("\n");
}

function tallied(title: string, tallies: readonly Tally[]): string[] {
  const single = tallies.length === 1;
  const said = tallies.slice(0, 4).map(({ name, count }) => (single ? name : `${name} (${formatNumber(count)})`));
  const more = tallies.length > 4 ? [`${tallies.length - 4} others`] : [];
  return tallies.length === 0 ? [] : [`  ${title}: ${[...said, ...more].join("; ")}`];
}

/** A row a class, a column a split: how much, and its share of the split. */
function classTable({ classes, splits, unlabelled, unit }: Finding): string[] {
  const columns = Object.keys(splits);
  const total = (split: string) => classes.reduce((sum, { counts }) => sum + (counts[split] ?? 0), 0);
  const cell = (count: number, split: string) => {
    const all = total(split);
    return all === 0 || unit !== "pixels" ? formatNumber(count) : `${formatNumber(count)} (${percent(count / all)})`;
  };
  const rows = classes.map(({ name, counts }) => [name, ...columns.map((split) => cell(counts[split] ?? 0, split))]);
  const without = columns.map((split) => unlabelled[split] ?? 0);
  if (without.some((count) => count > 0)) rows.push(["(unlabelled)", ...without.map((count) => formatNumber(count))]);
  const table = [[unit, ...columns], ...rows];
  const widths = table[0]!.map((_, k) => Math.max(...table.map((row) => row[k]!.length)));
  return table.map((row) => {
    const cells = row.map((text, k) => (k === 0 ? text.padEnd(widths[k]!) : text.padStart(widths[k]!)));
    return `  ${cells.join("  ")}`.trimEnd();
  });
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
