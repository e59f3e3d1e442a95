/**
 * Fine-tunes from the build in dist/: a process that tests may kill. `node finetune-child.mjs TASK DATA CLASSES OUT`,
 * where TASK is segmentation, detection, change or timeseries; prints a line a step and writes a checkpoint after every
 * other.
 */
import { openChangeSet } from "../../dist/tasks/change/data/open-change-set.node.js";
import { finetuneChange } from "../../dist/tasks/change/finetune.node.js";
import { openBoxSet } from "../../dist/tasks/detection/data/open-box-set.node.js";
import { finetuneDetection } from "../../dist/tasks/detection/finetune.node.js";
import { openMaskSet } from "../../dist/tasks/segmentation/data/open-mask-set.node.js";
import { finetuneSegmentation } from "../../dist/tasks/segmentation/finetune.node.js";
import { openDatedSet } from "../../dist/tasks/timeseries/data/open-dated-set.node.js";
import { finetuneSeries } from "../../dist/tasks/timeseries/finetune.node.js";

const [task, data = "", classes = "", out = ""] = process.argv.slice(2);
const common = {
  ...{ out, model: "tiny", size: 64, batchSize: 4, steps: 12, lr: 2e-3, dropPath: 0.3, threads: 1 },
  checkpoint: { every: 2, keep: 2 },
  onProgress: (/** @type {{ done: number }} */ { done }) => console.log(done),
};
switch (task) {
  case "segmentation":
    await finetuneSegmentation({ ...common, set: await openMaskSet(data, { classes }), channels: 8 });
    break;
  case "detection": {
    const set = await openBoxSet(data, { oriented: false });
    await finetuneDetection({ ...common, set, channels: 8, width: 16, anchorScale: 4, regions: 16, proposals: 100 });
    break;
  }
  case "change":
    await finetuneChange({ ...common, set: await openChangeSet(data), channels: 8 });
    break;
  case "timeseries":
    await finetuneSeries({ ...common, set: await openDatedSet(data), size: 8, channels: 8 });
    break;
}
