import { describeScene, openScene, SkySenseError } from "skysense";

const image = "node_modules/three-globe/example/img/earth-day.jpg";

// What the model would see, and how that is known.
const scene = await openScene([image]);
const { sensors, decisions } = await describeScene(scene);
for (const { sensor, bands, units } of sensors) {
  console.log(`${sensor}: ${bands.map(({ name }) => name).join(" ")}, ${units.files}`);
}
for (const { what, from } of decisions.slice(0, 2)) console.log(`${what} ← ${from}`);
await scene.close();

// What does not fit is refused, with the remedy.
try {
  await openScene([image], { hr: { bands: "rgbnir" } });
} catch (error) {
  if (error instanceof SkySenseError) console.log(`${error.code}: ${error.what}. ${error.remedy}`);
}

/* prints
hr: R G B, 0-255
sensor hr ← 3 bands of 8 bits
bands R, G, B ← colours of the bands
BAND_COUNT: 4 bands are named (option hr), but the file has 3 bands. Write {"bands": ["R","G","B"]} into …
*/
