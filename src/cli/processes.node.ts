import { availableParallelism } from "node:os";
import { type Command, CommanderError } from "commander";
import { launchedRank, openMpi } from "../runtime/mpi.node.ts";
import { commandLine } from "./command-line.ts";
import { progressLine } from "./progress.node.ts";

/**
 * Run a command that several processes may share (`mpirun`): all of them stop when one is interrupted or lost, and the
 * first alone shows progress.
 *
 * @param run  Gets the options that all such calls have in common.
 * @returns What `run` gave, and whether this process is the one that speaks and writes.
 */
export async function withProcesses<T>(
  self: Command,
  run: (shared: ReturnType<typeof sharedOptions>) => Promise<T>,
): Promise<{ result: T; first: boolean }> {
  const mpi = openMpi();
  const progress = progressLine();
  try {
    const result = await run(sharedOptions(self, mpi, progress));
    progress.end();
    await mpi?.finalize();
    return { result, first: mpi === undefined || mpi.rank === 0 };
  } finally {
    progress.end();
  }
}

/** Let the first of several processes alone run what they cannot share; it says so, and the others end. */
export function onOneProcess(command: Command): Command {
  return command.hook("preAction", () => {
    const rank = launchedRank();
    if (rank === undefined) return;
    if (rank > 0) throw new CommanderError(0, "skysense.oneProcess", "");
    console.error("note: this command runs on one process; the others have ended");
  });
}

function sharedOptions(self: Command, mpi: ReturnType<typeof openMpi>, progress: ReturnType<typeof progressLine>) {
  const { signal } = self.optsWithGlobals() as { signal: AbortSignal };
  return {
    signal: mpi === undefined ? signal : AbortSignal.any([signal, mpi.lost]),
    command: commandLine(process.argv.slice(2)),
    ...((mpi === undefined || mpi.rank === 0) && { onProgress: progress.onProgress }),
    ...(mpi && { communicator: mpi, threads: Math.max(1, Math.floor(availableParallelism() / mpi.localSize)) }),
  };
}
