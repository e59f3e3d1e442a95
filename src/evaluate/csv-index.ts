import Papa from "papaparse";

/** A data set's index as `index.json` would have it. */
export interface CsvIndex {
  classes?: string[];
  items: { file: string; label?: string; labels?: string[]; split?: string }[];
}

/**
 * Read `index.csv`: a line an item, with a header that names the columns. `file` is one of them, `split` may be; the
 * classes stand in `label` (one), in `labels` (any number, between semicolons), or in a column for each class that holds
 * 0 or 1.
 *
 * @throws Error whose message says what is wrong and in which line
 */
export function readCsvIndex(text: string): CsvIndex {
  const [header, ...lines] = parseCsv(text);
  const names = header?.map((name) => name.trim()) ?? [];
  const column = (name: string) => names.indexOf(name);
  if (column("file") < 0) throw new Error('the first line does not name a column "file"');
  const oneHot = column("label") < 0 && column("labels") < 0;
  const classes = oneHot ? names.filter((name) => name !== "file" && name !== "split") : undefined;
  if (classes?.length === 0)
    throw new Error('the first line names no column "label" or "labels", nor one for a class');
  const items = lines.map((cells, i) => {
    if (cells.length !== names.length) {
      throw new Error(`line ${i + 2} has ${cells.length} columns instead of ${names.length}`);
    }
    const cell = (name: string) => cells[column(name)]?.trim() ?? "";
    const split = cell("split");
    const item = { file: cell("file"), ...(split !== "" && { split }) };
    if (column("label") >= 0) return { ...item, label: cell("label") };
    if (classes === undefined)
      return {
        ...item,
        labels: cell("labels")
          .split(";")
          .flatMap((l) => l.trim() || []),
      };
    const labels = classes.filter((name) => {
      if (!/^[01](\.0*)?$/.test(cell(name))) {
        throw new Error(`line ${i + 2} has "${cell(name)}" for the class ${name}, not 0 or 1`);
      }
      return cell(name).startsWith("1");
    });
    return { ...item, labels };
  });
  return { items, ...(classes && { classes }) };
}

/**
 * Fields of RFC 4180: commas, quotes around what holds commas, quotes and line breaks; empty lines are left out.
 * @throws Error whose message says what is wrong and in which line
 */
export function parseCsv(text: string): string[][] {
  const { data, errors } = Papa.parse<string[]>(text, { delimiter: ",", skipEmptyLines: "greedy" });
  const [error] = errors;
  if (error === undefined) return data;
  const line = text.slice(0, error.index).split("\n").length;
  throw new Error(`line ${line} has a quote that is not closed or stands inside a field (${error.message})`);
}
