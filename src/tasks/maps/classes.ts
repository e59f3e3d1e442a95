import { z } from "zod";
import { SkySenseError } from "../../core/error.ts";
import { ignoredLabel, type LabelCoding } from "../../train/data/label-map.ts";

/** A class of pixels: its name, and the colour that it has on maps, "#rrggbb". */
export interface MapClass {
  name: string;
  colour: string;
}

/** Classes, and what the values and colours of masks mean. */
export interface ClassTable {
  classes: readonly MapClass[];
  coding: LabelCoding;
}

const colour = z.string().regex(/^#[0-9a-f]{6}$/i, 'a colour is written "#rrggbb"');

const schema = z.strictObject({
  classes: z
    .array(z.strictObject({ name: z.string().min(1), value: z.int().optional(), colour: colour.optional() }))
    .min(2)
    .max(254),
  ignore: z.array(z.union([z.int(), colour])).default([]),
});

export type ClassFile = z.input<typeof schema>;

/**
 * Read a class table: `{"classes": [{"name": "building", "value": 2, "colour": "#0000ff"}, …], "ignore": [0, "#ff0000"]}`.
 * `value` is what a mask of one band holds, `colour` what one in colours does; 255 is ignored unless it is a class.
 *
 * @throws SkySenseError `BAD_CLASSES`
 */
export function parseClassTable(json: unknown, where: string): ClassTable {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw badClasses(`${path.join(".")}: ${message}`, where);
  }
  const { classes, ignore } = parsed.data;
  const values = classes.flatMap(({ value }, k) => (value === undefined ? [] : [[value, k] as const]));
  const colours = classes.flatMap((c, k) => (c.colour === undefined ? [] : [[colourCode(c.colour), k] as const]));
  if (values.length > 0 && values.length < classes.length) {
    throw badClasses(
      `${classes.find(({ value }) => value === undefined)!.name} has no value, but others have`,
      where,
    );
  }
  for (const code of ignore) {
    if (typeof code === "number") values.push([code, ignoredLabel]);
    else colours.push([colourCode(code), ignoredLabel]);
  }
  for (const [kind, codes] of [
    ["value", values],
    ["colour", colours],
  ] as const) {
    const twice = codes.find(([code], i) => codes.findIndex(([other]) => other === code) < i);
    if (twice !== undefined) throw badClasses(`a ${kind} stands there twice (${twice[0]})`, where);
  }
  if (values.length > 0 && !values.some(([value]) => value === ignoredLabel))
    values.push([ignoredLabel, ignoredLabel]);
  const complete = colours.length >= classes.length;
  const chosen = defaultColours(classes.map(({ name }) => name));
  return {
    classes: classes.map((c, k) => ({ name: c.name, colour: c.colour ?? chosen[k]! })),
    coding: { values, colours: complete ? colours : [] },
  };
}

/** A table from names alone, where the mask holds the class's position, or `offset` more. */
export function tableOfNames(
  names: readonly string[],
  { offset = 0, where }: { offset?: number; where: string },
): ClassTable {
  const classes = names.map((name, k) => ({ name, value: k + offset }));
  return parseClassTable({ classes, ignore: Array.from({ length: offset }, (_, k) => k) }, where);
}

export function colourCode(text: string): number {
  return Number.parseInt(text.slice(1), 16);
}

/** [red, green, blue], 0 to 255. */
export function rgbOf({ colour }: MapClass): [number, number, number] {
  const code = colourCode(colour);
  return [code >> 16, (code >> 8) & 255, code & 255];
}

/** Twenty colours that are told apart on a map: those of Tableau, the strong ones first. */
const distinct =
  "1f77b4 ff7f0e 2ca02c d62728 9467bd 8c564b e377c2 bcbd22 17becf aec7e8 ffbb78 98df8a ff9896 c5b0d5 c49c94 f7b6d2 dbdb8d 9edae5 393b79 637939".split(
    " ",
  );

/** What has a colour of its own on most maps. */
const usual: readonly (readonly [name: RegExp, colour: string])[] = [
  [/^(background|other|not[ _].*)$/i, "d9d9d9"],
  [/water|river|lake|flood/i, "1f77b4"],
  [/tree|forest|vegetation|shrub/i, "2ca02c"],
  [/build|roof|house/i, "d62728"],
];

/** The usual colour, once each, else the next that is not taken. */
function defaultColours(names: readonly string[]): string[] {
  const taken = new Set<string>();
  const take = (colour: string | undefined) => {
    if (colour === undefined || taken.has(colour)) return undefined;
    taken.add(colour);
    return colour;
  };
  const known = names.map((name) => take(usual.find(([pattern]) => pattern.test(name))?.[1]));
  return known.map((colour, k) => {
    const next = colour ?? take(distinct.find((one) => !taken.has(one)));
    return `#${next ?? distinct[k % distinct.length]}`;
  });
}

function badClasses(what: string, where: string): SkySenseError {
  return new SkySenseError({
    code: "BAD_CLASSES",
    what: `the class table is not valid: ${what}`,
    where,
    remedy:
      'An example: {"classes": [{"name": "land", "value": 0}, {"name": "water", "value": 1, "colour": "#0000ff"}], "ignore": [255]}.',
  });
}
