import type { ClassFile } from "../../maps/classes.ts";

const listed = (text: string, first: number) =>
  text.split("\n").map((line, k) => {
    const [name, colour] = line.trim().split(" ");
    return { name: name!, value: k + first, colour: `#${colour}` };
  });

/** Published sets: `value` is that of mmseg's converted masks, `colour` that of the publisher's own. */
export const knownClasses = {
  /** ISPRS Potsdam and Vaihingen, as SkySense's protocol has them: clutter is left out, boundaries are black. */
  potsdam: {
    classes: listed(
      `impervious_surface ffffff
       building 0000ff
       low_vegetation 00ffff
       tree 00ff00
       car ffff00`,
      1,
    ),
    ignore: [0, 6, "#000000", "#ff0000"],
  },
  /** Wang et al. 2021 (arXiv:2110.08733): 0 is no data. */
  loveda: {
    classes: listed(
      `background ffffff
       building ff0000
       road ffff00
       water 0000ff
       barren 9f81b7
       forest 00ff00
       agricultural ffc380`,
      1,
    ),
    ignore: [0],
  },
  /** Waqas Zamir et al. 2019 (arXiv:1905.12886): the background counts as a class. */
  isaid: {
    classes: listed(
      `background 000000
       ship 00003f
       store_tank 003f3f
       baseball_diamond 003f00
       tennis_court 003f7f
       basketball_court 003fbf
       Ground_Track_Field 003fff
       Bridge 007f3f
       Large_Vehicle 007f7f
       Small_Vehicle 00007f
       Helicopter 0000bf
       Swimming_pool 0000ff
       Roundabout 00bf7f
       Soccer_ball_field 007fbf
       plane 007fff
       Harbor 00649b`,
      0,
    ),
    ignore: [255],
  },
} satisfies Record<string, ClassFile>;
