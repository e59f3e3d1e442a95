import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { mpiIsThere, mpirunFlags } from "../../test/support/mpirun.ts";
import { modulePath } from "../core/worker.node.ts";

/** Run `body` on `ranks` processes, with `mpi` open and `say` to print one line as JSON. */
function run(ranks: number, body: string, options = ""): SpawnSyncReturns<string> & { said: unknown[]; ms: number } {
  const program = `
    import { openMpi } from ${JSON.stringify(modulePath(import.meta.url, "./mpi.node.ts"))};
    const mpi = openMpi({ ${options} });
    const say = (value) => process.stdout.write(JSON.stringify(value) + "\\n");
    ${body}`;
  const start = performance.now();
  const ended = spawnSync(
    "mpirun",
    [...mpirunFlags, "-n", `${ranks}`, "node", "--input-type=module", "-e", program],
    {
      encoding: "utf8",
      timeout: 60_000,
    },
  );
  const lines = ended.stdout.split("\n").filter((line) => line.startsWith("{"));
  return { ...ended, said: lines.map((line) => JSON.parse(line)), ms: performance.now() - start };
}

/** Small whole numbers, so that sums are exact in any order; longer than two buckets, and no multiple of one. */
const length = 2 ** 20 + 7;
const value = (rank: number, i: number) => ((i * 31 + rank * 17) % 101) - 50;
const make = `Float32Array.from({ length: ${length} }, (_, i) => ((i * 31 + mpi.rank * 17) % 101) - 50)`;

describe.skipIf(!mpiIsThere)("mpi", () => {
  test.each([2, 4])(
    "allReduce, broadcast and allGather of %i ranks: equal to sums and copies in JavaScript",
    (ranks) => {
      const { said, stderr, status } = run(
        ranks,
        `
      // Views into the middle of a WebAssembly memory, as the flat arrays of training are.
      const memory = new WebAssembly.Memory({ initial: 80 });
      const values = new Float32Array(memory.buffer, 20, ${length});
      values.set(${make});
      const guard = new Float32Array(memory.buffer, 16, 1).fill(9);
      await mpi.allReduce(values);
      const sums = [0, 1, 99, 524287, 524288, ${length - 1}].map((i) => values[i]);
      let checksum = 0;
      for (let i = 0; i < values.length; i++) checksum = (checksum * 33 + values[i] * 7) % 1000003;
      const copy = ${make};
      await mpi.broadcast(copy, { root: mpi.size - 1 });
      const ragged = await mpi.allGather(Float32Array.from({ length: mpi.rank + 1 }, () => mpi.rank));
      await mpi.barrier();
      say({ rank: mpi.rank, size: mpi.size, local: mpi.localSize, sums, checksum, guard: guard[0], copied: [copy[3], copy[${length - 1}]], ragged: [...ragged] });
      await mpi.finalize();`,
      );
      expect(stderr).toBe("");
      expect(status).toBe(0);
      const sum = (i: number) => Array.from({ length: ranks }, (_, rank) => value(rank, i)).reduce((a, b) => a + b);
      let checksum = 0;
      for (let i = 0; i < length; i++) checksum = (checksum * 33 + sum(i) * 7) % 1000003;
      const expected = Array.from({ length: ranks }, (_, rank) => ({
        ...{ rank, size: ranks, local: ranks, guard: 9, checksum },
        sums: [0, 1, 99, 524287, 524288, length - 1].map(sum),
        copied: [value(ranks - 1, 3), value(ranks - 1, length - 1)],
        ragged: Array.from({ length: ranks }, (_, r) => Array(r + 1).fill(r)).flat(),
      }));
      expect((said as typeof expected).toSorted((a, b) => a.rank - b.rank)).toEqual(expected);
    },
  );

  test("allReduce: sums that round are the same bits on every rank", () => {
    const { said } = run(
      4,
      `
      const values = Float32Array.from({ length: 100003 }, (_, i) => Math.sin(i * (mpi.rank + 1)) * 10 ** (i % 7));
      await mpi.allReduce(values);
      let hash = 0;
      for (const bits of new Uint32Array(values.buffer)) hash = (Math.imul(hash, 31) + bits) | 0;
      say({ hash });
      await mpi.finalize();`,
    );
    expect(said).toHaveLength(4);
    expect(new Set(said.map((line) => (line as { hash: number }).hash)).size).toBe(1);
  });

  test("a killed rank ends the others within seconds, with the reason", () => {
    const { said, stderr, status, ms } = run(
      4,
      `
      await mpi.barrier();
      if (mpi.rank === 1) process.kill(process.pid, "SIGKILL");
      await mpi.allReduce(new Float32Array(1000)).catch((error) => {
        say({ code: error.code, message: error.message, again: mpi.lost.aborted });
        process.exit(1);
      });`,
    );
    expect(status).not.toBe(0);
    expect(ms).toBeLessThan(15_000);
    expect(stderr).toMatch(/rank 1 .*signal 9/s);
    expect(said.length).toBeGreaterThanOrEqual(1);
    expect(said[0]).toMatchObject({
      code: "RANK_LOST",
      message: expect.stringMatching(
        /^another rank was lost.*\(rank \d of 4\)\. The message of mpirun names the rank/,
      ),
      again: true,
    });
  });

  test("a rank that throws ends the run with its own message", () => {
    const { stderr, status } = run(
      2,
      `
      await mpi.barrier();
      if (mpi.rank === 1) throw new Error("the loss is not finite");
      await mpi.barrier();`,
    );
    expect(status).not.toBe(0);
    expect(stderr).toContain("the loss is not finite");
  });

  test("a rank that does not come is reported after the time allowed", () => {
    const { said, status } = run(
      2,
      `
      await mpi.barrier();
      if (mpi.rank === 1) await new Promise((resolve) => setTimeout(resolve, 8000));
      await mpi.barrier().catch((error) => { say({ message: error.message }); process.exit(1); });`,
      "timeoutMs: 1000",
    );
    expect(status).not.toBe(0);
    expect(said[0]).toMatchObject({
      message: expect.stringContaining("the other ranks did not answer for 1 s (rank 0 of 2)"),
    });
  });

  test("the event loop goes on while a rank waits", () => {
    const { said } = run(
      2,
      `
      await mpi.barrier();
      let ticks = 0;
      const timer = setInterval(() => ticks++, 20);
      if (mpi.rank === 1) await new Promise((resolve) => setTimeout(resolve, 600));
      await mpi.barrier();
      clearInterval(timer);
      if (mpi.rank === 0) say({ ticks });
      await mpi.finalize();`,
    );
    expect((said[0] as { ticks: number }).ticks).toBeGreaterThan(8);
  });
});
