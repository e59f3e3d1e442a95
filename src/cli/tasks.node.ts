import { addChange } from "./change.node.ts";
import { addClassification } from "./classification.node.ts";
import { addDetection } from "./detection.node.ts";
import { addSegmentation } from "./segmentation.node.ts";
import { addTimeseries } from "./timeseries.node.ts";

/** The commands of every task: a task is a folder in src/tasks, its commands in a file beside this one, and a word here. */
export const tasks = [addClassification, addSegmentation, addDetection, addTimeseries, addChange] as const;
