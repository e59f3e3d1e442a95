import { parentPort, workerData } from "node:worker_threads";
import { packError } from "../../core/thread-error.ts";
import type { KeptPlace } from "./kept-place.ts";
import type { Job, LoaderSetup, Reply } from "./loader.node.ts";
import { makeBatch, orderOf } from "./make-batch.ts";
import { readSample } from "./read-sample.node.ts";
import { arraysOf } from "./stack-batch.ts";

/* A thread that makes batches, one after the other in the order in which they are asked for. */

const { setup, sources, labelMaps, places } = workerData as LoaderSetup;
const order = orderOf(setup);
const port = parentPort!;
let last: Promise<void> = Promise.resolve();

port.on("message", (job: Job) => {
  last = last.then(() => perform(job));
});

async function perform({ ticket, index, kept }: Job): Promise<void> {
  const known = new Map<number, KeptPlace>(kept);
  const reader = {
    kept: (sample: number) => known.get(sample) ?? places[sample],
    read: (sample: number) => readSample(sources[sample]!, labelMaps[sample]),
  };
  try {
    const made = await makeBatch(index, setup, { reader, order });
    port.postMessage({ ticket, made } satisfies Reply, arraysOf(made.batch));
  } catch (error) {
    port.postMessage({ ticket, error: packError(error) } satisfies Reply);
  }
}
