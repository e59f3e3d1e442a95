import { createRequire } from "node:module";
import { SkySenseError } from "../core/error.ts";

/**
 * The processes that `mpirun` started together. Every one makes the same calls in the same order, one at a time. No
 * call blocks the event loop while it waits for the others; when one of them is lost, waiting calls reject.
 */
export interface MpiCommunicator {
  /** This process: 0 ≤ rank < size. */
  readonly rank: number;
  readonly size: number;
  /** Ranks on this machine, which share its cores. */
  readonly localSize: number;
  /** Aborted, with the error as reason, as soon as it is known that the run cannot go on. */
  readonly lost: AbortSignal;
  /** Replace `values` by the sum over all ranks; the same bits on every rank. */
  allReduce(values: Float32Array): Promise<void>;
  /** Replace `values` by those of rank `root`. */
  broadcast(values: Float32Array, options?: { root?: number }): Promise<void>;
  /** The values of all ranks one after the other, by rank; lengths may differ. */
  allGather(values: Float32Array): Promise<Float32Array>;
  /** Wait until all ranks are here. */
  barrier(): Promise<void>;
  /** Wait for all ranks and leave: without it, mpirun takes the end of a process for a failure and ends the others. */
  finalize(): Promise<void>;
}

export interface MpiOptions {
  /** A rank that lets the others wait for longer counts as lost. Default one hour: rank 0 may be evaluating. */
  timeoutMs?: number;
  /** Where the launcher's variables are looked up. */
  environment?: Readonly<Record<string, string | undefined>>;
}

/** Floats of one message, 2 MiB: larger ones leave the cache while they are summed. */
const bucket = 2 ** 19;

/**
 * Join the other processes of this run.
 *
 * Open MPI 4 or 5 is loaded at run time, from `SKYSENSE_MPI` or where the system has it; nothing is loaded in a process
 * that no launcher started.
 *
 * @returns undefined where this process runs alone
 * @throws SkySenseError `MPI_UNAVAILABLE`: a launcher started several processes, but they cannot find each other
 */
export function openMpi({
  timeoutMs = 3_600_000,
  environment = process.env,
}: MpiOptions = {}): MpiCommunicator | undefined {
  const launcher = launcherOf(environment);
  if (launcher === undefined) return undefined;
  return communicate(loadMpi(launcher, environment.SKYSENSE_MPI), timeoutMs);
}

/** mpirun of Open MPI names its ranks by OMPI_…, `srun --mpi=pmix` by PMIX_…, MPICH and Intel MPI by PMI_…. */
function launcherOf(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  return ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"].find((name) => environment[name] !== undefined);
}

/** The rank that a launcher gave this process, without a word to the others; undefined: it runs for itself. */
export function launchedRank(environment: Readonly<Record<string, string | undefined>> = process.env) {
  const launcher = launcherOf(environment);
  return launcher === undefined ? undefined : Number(environment[launcher]);
}

interface Mpi {
  rank: number;
  size: number;
  localSize: number;
  /** Start waiting for all ranks; `arrived` tells whether they are here. */
  arrive(): { arrived: () => boolean };
  sum(values: Float32Array): void;
  broadcast(values: Float32Array, root: number): void;
  gather(values: Float32Array): Float32Array;
  finalize(): void;
}

function communicate(mpi: Mpi, timeoutMs: number): MpiCommunicator {
  const { rank, size, localSize } = mpi;
  const lost = new AbortController();
  const lose = (what: string) =>
    lost.abort(
      new SkySenseError({
        code: "RANK_LOST",
        what,
        where: `rank ${rank} of ${size}`,
        remedy: "The message of mpirun names the rank that ended first; start the same command again to go on.",
      }),
    );
  // mpirun ends the survivors of a lost rank by SIGTERM, and a second later by SIGKILL.
  const onTerminate = () => lose("another rank was lost, or this run was ended from outside (SIGTERM)");
  process.on("SIGTERM", onTerminate);

  async function together(): Promise<void> {
    lost.signal.throwIfAborted();
    const { arrived } = mpi.arrive();
    const start = performance.now();
    while (!arrived()) {
      const waited = performance.now() - start;
      if (waited > timeoutMs) lose(`the other ranks did not answer for ${Math.round(timeoutMs / 1000)} s`);
      lost.signal.throwIfAborted();
      // Soon there, mostly. Later the core is worth more to threads that still compute.
      if (waited < 2) await new Promise((resolve) => setImmediate(resolve));
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  return {
    ...{ rank, size, localSize, lost: lost.signal },
    async allReduce(values) {
      await together();
      for (const part of buckets(values)) mpi.sum(part);
    },
    async broadcast(values, { root = 0 } = {}) {
      await together();
      for (const part of buckets(values)) mpi.broadcast(part, root);
    },
    async allGather(values) {
      await together();
      return mpi.gather(values);
    },
    barrier: together,
    async finalize() {
      await together();
      process.off("SIGTERM", onTerminate);
      mpi.finalize();
    },
  };
}

function* buckets(values: Float32Array): Generator<Float32Array> {
  for (let at = 0; at < values.length; at += bucket) yield values.subarray(at, at + bucket);
}

/** MPI_IN_PLACE of Open MPI: the result replaces what is sent. */
const inPlace = 1n;
/** MPI_COMM_TYPE_SHARED of Open MPI: the ranks that can share memory. */
const typeShared = 0;

/** Bind Open MPI's C interface. Its handles are addresses of variables that the library exports. */
function loadMpi(launcher: string, named: string | undefined): Mpi {
  const library = openLibrary(launcher, named);
  const handle = (name: string): unknown => library.symbol(name, "char");
  let world: unknown;
  let float: unknown;
  let int: unknown;
  let sumOf: unknown;
  try {
    [world, float, int, sumOf] = ["comm_world", "float", "int", "op_sum"].map((name) => handle(`ompi_mpi_${name}`));
  } catch (cause) {
    throw unavailable(`the MPI library is not Open MPI`, cause);
  }
  const describe = library.func("int MPI_Error_string(int, _Out_ uint8_t*, _Out_ int*)");
  const bind = (signature: string) => {
    const call = library.func(`int MPI_${signature}`);
    return (...given: unknown[]): void => {
      const code = call(...given) as number;
      if (code === 0) return;
      const [text, length] = [new Uint8Array(512), new Int32Array(1)];
      describe(code, text, length);
      throw new SkySenseError({
        code: "MPI_FAILED",
        what: `MPI_${signature.replace(/\(.*/, "")} failed: ${Buffer.from(text.subarray(0, length[0])).toString()}`,
        remedy: "Look at mpirun's own messages, and start the same command again to go on.",
      });
    };
  };
  bind("Init(void*, void*)")(null, null);
  // Errors come back as codes; by default MPI would end the process.
  bind("Comm_set_errhandler(void*, void*)")(world, handle("ompi_mpi_errors_return"));
  const commSize = bind("Comm_size(void*, _Out_ int*)");
  const commRank = bind("Comm_rank(void*, _Out_ int*)");
  const numberOf = (call: (comm: unknown, out: Int32Array) => void, comm: unknown): number => {
    const value = new Int32Array(1);
    call(comm, value);
    return value[0]!;
  };
  const size = numberOf(commSize, world);
  const split = bind("Comm_split_type(void*, int, int, void*, _Out_ uint64_t*)");
  const local = new BigUint64Array(1);
  split(world, typeShared, 0, handle("ompi_mpi_info_null"), local);
  const ibarrier = bind("Ibarrier(void*, _Out_ uint64_t*)");
  const test = bind("Test(_Inout_ uint64_t*, _Out_ int*, void*)");
  const allreduce = bind("Allreduce(void*, void*, int, void*, void*, void*)");
  const bcast = bind("Bcast(void*, int, void*, int, void*)");
  const allgather = bind("Allgather(void*, int, void*, void*, int, void*, void*)");
  const allgatherv = bind("Allgatherv(void*, int, void*, void*, void*, void*, void*, void*)");
  return {
    rank: numberOf(commRank, world),
    size,
    localSize: numberOf(commSize, local[0]),
    arrive() {
      const [request, flag] = [new BigUint64Array(1), new Int32Array(1)];
      ibarrier(world, request);
      const arrived = () => {
        test(request, flag, null);
        return flag[0] === 1;
      };
      return { arrived };
    },
    sum: (values) => allreduce(inPlace, values, values.length, float, sumOf, world),
    broadcast: (values, root) => bcast(values, values.length, float, root, world),
    gather(values) {
      const counts = new Int32Array(size);
      allgather(Int32Array.of(values.length), 1, int, counts, 1, int, world);
      const offsets = new Int32Array(size);
      for (let r = 1; r < size; r++) offsets[r] = offsets[r - 1]! + counts[r - 1]!;
      const all = new Float32Array(offsets[size - 1]! + counts[size - 1]!);
      allgatherv(values, values.length, float, all, counts, offsets, float, world);
      return all;
    },
    finalize: bind("Finalize()"),
  };
}

function openLibrary(launcher: string, named: string | undefined) {
  const names = named === undefined ? ["libmpi.so.40", "libmpi.so", "libmpi.40.dylib", "libmpi.dylib"] : [named];
  let cause: unknown;
  for (const name of names) {
    try {
      const koffi = createRequire(import.meta.url)("koffi") as typeof import("koffi").default;
      // Plug-ins of some builds look up the library's symbols in the process.
      return koffi.load(name, { global: true });
    } catch (error) {
      cause ??= error;
    }
  }
  throw unavailable(`${launcher} says that a launcher started this process, but libmpi cannot be loaded`, cause);
}

/** Going on alone would be worse: every process would do the whole work and write the same files. */
function unavailable(what: string, cause: unknown): SkySenseError {
  return new SkySenseError({
    code: "MPI_UNAVAILABLE",
    what,
    remedy:
      "Install Open MPI (Debian: apt-get install openmpi-bin), start with its mpirun, or name its library in SKYSENSE_MPI.",
    cause,
  });
}
