import { readBandText } from "./band-names.ts";
import { findDate, parseDate } from "./dates.ts";
import { refusal, type Said } from "./description.ts";
import { type FileFacts, type FileKind, folderAndFile, type Known } from "./identify.ts";

/** Where each band of a file belongs. */
export interface Layout {
  /** ISO 8601 or undefined, in file order. */
  dates: readonly (string | undefined)[];
  /** `index` is the band in the file, `date` the index in `dates`; bands that are not used are absent. */
  slots: readonly { index: number; date: number; band: string }[];
}

/** Where each band of the file belongs: date-major unless names and dates of the bands say otherwise. */
export function layOut(
  facts: FileFacts,
  kind: FileKind,
  bands: Known<(string | undefined)[]>,
  said: Said,
): Known<Layout> {
  const { path, names } = facts;
  const texts = names.map(readBandText);
  const perDate = bands.value;
  const refuse: Refuse = (code, what, fields, alternative) =>
    refusal({ code, what, where: path, sensor: kind === "scl" ? undefined : kind, fields, alternative });

  // Every band named: the same name again is the next date.
  if (perDate.length === names.length && said.bands === undefined) {
    const seen = new Map<string, number>();
    const slots = perDate.flatMap((band, index) => {
      if (band === undefined) return [];
      const date = seen.get(band) ?? 0;
      seen.set(band, date + 1);
      return [{ index, date, band }];
    });
    const count = Math.max(...seen.values());
    if ([...seen.values()].some((n) => n !== count)) {
      throw refuse("BANDS_RAGGED", "some bands have more dates than others", {
        bands: [...seen.keys()],
        dates: ["2020-01-03", "…"],
      });
    }
    const ofSlots = Array.from({ length: count }, (_, t) => [
      ...new Set(slots.filter(({ date }) => date === t).map(({ index }) => texts[index]!.date)),
    ]);
    const fromBands = ofSlots.every((dates) => dates.length === 1 && dates[0] !== undefined)
      ? ofSlots.map(([d]) => d)
      : undefined;
    const dates = identifyDates(facts, count, fromBands, said, refuse);
    return { value: { dates: dates.value, slots }, from: dates.from };
  }

  if (names.length % perDate.length !== 0) {
    throw refuse(
      "BAND_COUNT",
      `${perDate.length} bands are named (${bands.from}), but the file has ${names.length} bands`,
      { bands: perDate.length > names.length ? perDate.slice(0, names.length) : [...perDate, "-"] },
    );
  }
  const count = names.length / perDate.length;
  const fromBands = Array.from({ length: count }, (_, t) => {
    const dates = new Set(texts.slice(t * perDate.length, (t + 1) * perDate.length).map(({ date }) => date));
    return dates.size === 1 ? [...dates][0] : undefined;
  });
  const dates = identifyDates(
    facts,
    count,
    fromBands.every((d) => d !== undefined) ? fromBands : undefined,
    said,
    refuse,
  );
  const slots = Array.from({ length: names.length }, (_, index) => ({
    index,
    date: Math.floor(index / perDate.length),
    band: perDate[index % perDate.length],
  })).filter((slot): slot is { index: number; date: number; band: string } => slot.band !== undefined);
  return { value: { dates: dates.value, slots }, from: dates.from };
}

/** A refusal of the file, with what may be said of it instead. */
type Refuse = (code: string, what: string, fields: Record<string, unknown>, alternative?: string) => Error;

const acquisitionKeys =
  /^(?:.*_)?(?:DATATAKE_SENSING_START|SENSING_TIME|ACQUISITION_?(?:DATE|DATETIME|TIME)?|PRODUCT_START_TIME|DATE_ACQUIRED|DATETIME|TIME_START|DATE)$/i;

function identifyDates(
  { path, metadata }: FileFacts,
  count: number,
  fromBands: (string | undefined)[] | undefined,
  said: Said,
  refuse: Refuse,
): Known<(string | undefined)[]> {
  const example = count === 1 ? "2020-01-03" : ["2020-01-03", "…"];
  if (said.dates !== undefined) {
    const { value, from } = said.dates;
    if (value === "unknown") return { value: new Array(count).fill(undefined), from: `unknown, ${from}` };
    const list = typeof value === "string" ? value.split(",") : value;
    if (list.length !== count) {
      throw refuse("DATE_COUNT", `${list.length} dates are given (${from}), but the bands make ${count} dates`, {
        dates: example,
      });
    }
    const dates = list.map((text) => {
      const date = parseDate(text);
      if (date === undefined) throw refuse("BAD_DATE", `"${text}" is no date (${from})`, { dates: example });
      return date;
    });
    return { value: dates, from };
  }
  if (fromBands !== undefined) return { value: fromBands, from: "band names" };
  if (count > 1) {
    const what = `the file has ${count} dates, but does not say which`;
    throw refuse("DATES_MISSING", what, { dates: example }, '"unknown" if nobody knows them');
  }
  for (const [key, value] of Object.entries(metadata)) {
    const date = key !== "TIFFTAG_DATETIME" && acquisitionKeys.test(key) ? findDate(value)?.date : undefined;
    if (date !== undefined) return { value: [date], from: `metadata ${key}` };
  }
  const inName = findDate(folderAndFile(path));
  if (inName !== undefined) return { value: [inName.date], from: "file name" };
  const tag = metadata.TIFFTAG_DATETIME === undefined ? undefined : parseDate(metadata.TIFFTAG_DATETIME);
  if (tag !== undefined) return { value: [tag], from: "TIFF tag DateTime, which may be the date of processing" };
  return { value: [undefined], from: "nothing says it" };
}
