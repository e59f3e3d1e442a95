import { embed } from "skysense";

// NASA's Blue Marble at 1600 × 800 pixels. A JPEG has no georeference: `bounds` and `crs` give it one.
const result = await embed({
  inputs: ["node_modules/three-globe/example/img/earth-day.jpg"],
  hr: { bounds: [-180, -90, 180, 90], crs: "EPSG:4326" },
  model: "tiny",
  out: "out/earth",
});

console.log(`${result.size.join(" × ")} cells of ${result.dimensions} features, ${result.tiles} tile vectors`);
console.log(Object.values(result.files).join("\n"));

/* prints
50 × 25 cells of 32 features, 8 tile vectors
out/earth/features.tif
out/earth/embeddings.parquet
out/earth/item.json
out/earth/collection.json
out/earth/model.json
out/earth/preview.png
out/earth/report.html
*/
