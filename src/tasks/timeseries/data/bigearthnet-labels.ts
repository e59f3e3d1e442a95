/** The 19 classes, each with those of CORINE Land Cover (level 3, 43 classes) that it is made of. */
export const nineteen: Readonly<Record<string, readonly string[]>> = {
  "Urban fabric": ["Continuous urban fabric", "Discontinuous urban fabric"],
  "Industrial or commercial units": ["Industrial or commercial units"],
  "Arable land": ["Non-irrigated arable land", "Permanently irrigated land", "Rice fields"],
  "Permanent crops": [
    "Vineyards",
    "Fruit trees and berry plantations",
    "Olive groves",
    "Annual crops associated with permanent crops",
  ],
  Pastures: ["Pastures"],
  "Complex cultivation patterns": ["Complex cultivation patterns"],
  "Land principally occupied by agriculture, with significant areas of natural vegetation": [
    "Land principally occupied by agriculture, with significant areas of natural vegetation",
  ],
  "Agro-forestry areas": ["Agro-forestry areas"],
  "Broad-leaved forest": ["Broad-leaved forest"],
  "Coniferous forest": ["Coniferous forest"],
  "Mixed forest": ["Mixed forest"],
  "Natural grassland and sparsely vegetated areas": ["Natural grassland", "Sparsely vegetated areas"],
  "Moors, heathland and sclerophyllous vegetation": ["Moors and heathland", "Sclerophyllous vegetation"],
  "Transitional woodland, shrub": ["Transitional woodland/shrub"],
  "Beaches, dunes, sands": ["Beaches, dunes, sands"],
  "Inland wetlands": ["Inland marshes", "Peatbogs"],
  "Coastal wetlands": ["Salt marshes", "Salines"],
  "Inland waters": ["Water courses", "Water bodies"],
  "Marine waters": ["Coastal lagoons", "Estuaries", "Sea and ocean"],
};

/** Of the 43 classes those that are in none of the 19. */
const left = [
  "Road and rail networks and associated land",
  "Port areas",
  "Airports",
  "Mineral extraction sites",
  "Dump sites",
  "Construction sites",
  "Green urban areas",
  "Sport and leisure facilities",
  "Bare rock",
  "Burnt areas",
  "Intertidal flats",
];

/** How many classes are told apart, and their names. */
export const bigEarthNetClasses = {
  19: Object.keys(nineteen),
  43: [...Object.values(nineteen).flat(), ...left],
} as const;

/** The 19 classes of one of the 43; undefined: it belongs to none. */
const nineteenOf = new Map(Object.entries(nineteen).flatMap(([name, parts]) => parts.map((part) => [part, name])));

/**
 * Positions of a patch's classes among the 19 or 43, ascending; the first version of the set names those of the 43.
 * @returns `unknown`: a name that neither list has
 */
export function labelsOf(
  names: readonly string[],
  count: 19 | 43,
): { labels: readonly number[] } | { unknown: string } {
  const unknown = names.find(
    (name) => !bigEarthNetClasses[43].includes(name) && !bigEarthNetClasses[19].includes(name),
  );
  if (unknown !== undefined) return { unknown };
  const wanted =
    count === 43 ? names : names.flatMap((name) => nineteenOf.get(name) ?? (name in nineteen ? name : []));
  const positions = wanted.map((name) => bigEarthNetClasses[count].indexOf(name)).filter((k) => k >= 0);
  return { labels: [...new Set(positions)].sort((a, b) => a - b) };
}
