import { loadModel } from "skysense";

const model = loadModel("nano");

// One place of 24 × 24 Sentinel pixels: two dates of Sentinel-2, in reflectance × 10⁴, and one of Sentinel-1, in dB.
const { fused, vector, used } = await model.encode({
  s2: {
    data: Uint16Array.from({ length: 2 * 10 * 24 * 24 }, (_, i) => 800 + (i % 577)),
    shape: [2, 10, 24, 24],
    dates: ["2023-05-17", "2023-08-20"],
  },
  s1: { data: new Float32Array(2 * 24 * 24).fill(-12.5), shape: [2, 24, 24], dates: ["2023-05-19"] },
  location: { longitude: 9.73, latitude: 52.37 },
});

console.log(`a map of ${fused.shape.join(" × ")}, and a vector of ${vector.length}`);
for (const [sensor, { bands, dates }] of Object.entries(used)) console.log(sensor, bands.join(" "), dates.join(" "));
await model.release();

/* prints
a map of 384 × 24 × 24, and a vector of 384
s2 B02 B03 B04 B05 B06 B07 B08 B8A B11 B12 2023-05-17 2023-08-20
s1 VV VH 2023-05-19
*/
