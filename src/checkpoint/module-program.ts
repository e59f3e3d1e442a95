import { detectionPieces } from "./detection-pieces.ts";
import { fasterRcnn } from "./detector-program.ts";
import { graphClasses, moduleGraph } from "./module-graph.ts";
import { type ModuleDescription, type ModuleProgram, shapesOf, unknownClass } from "./module-inputs.ts";
import { rotatedBoxes } from "./rotated-boxes.ts";

const programs: Readonly<Record<string, (config: ModuleDescription) => ModuleProgram>> = {
  FasterRCNN: fasterRcnn,
  detection_pieces: () => detectionPieces,
  rotated_boxes: () => rotatedBoxes,
};

/**
 * One official module as something that runs: its graph, or the program of graphs that it is.
 *
 * @throws SkySenseError `BAD_CONFIG`; the program `BAD_INPUTS`
 */
export function moduleProgram(config: ModuleDescription): ModuleProgram {
  const { class_ } = config;
  if (Object.hasOwn(programs, class_)) return programs[class_]!(config);
  if (!graphClasses().includes(class_)) throw unknownClass(class_, [...graphClasses(), ...Object.keys(programs)]);
  return (inputs, compute) => compute(moduleGraph(config, shapesOf(inputs)).outputs, inputs);
}
