/** SkySense for Earth observation: features of satellite and aerial images, in Node. */

export { SkySenseError } from "./core/error.ts";
export type { Grid, Window } from "./core/grid.ts";
export type { ImageStack, Location, Place, SensorName } from "./core/place.ts";
export type { LongCall, Progress } from "./core/progress.ts";
export { type EmbedOptions, type EmbedResult, embed } from "./embed/embed.node.ts";
export type { EncodedStages } from "./embed/encode-stages.ts";
export { type LoadOptions, loadModel } from "./embed/load-model.node.ts";
export type { Encoded, EncodeInput, FeatureMap, SensorInput, SkySense } from "./embed/model.ts";
export { type RunModuleOptions, runModule } from "./embed/run-module.node.ts";
export { describe as describeScene } from "./imagery/scene/describe.ts";
export { type OpenSceneOptions, openScene } from "./imagery/scene/open-scene.node.ts";
export type { Scene } from "./imagery/scene/scene.ts";
export { presets } from "./model/presets.ts";
