import { expect, test } from "vitest";
import { openMpi } from "./mpi.node.ts";

test("openMpi: a process that no launcher started runs alone", () => {
  expect(openMpi({ environment: {} })).toBeUndefined();
  expect(openMpi({ environment: { SKYSENSE_MPI: "/nowhere/libmpi.so", SLURM_PROCID: "1" } })).toBeUndefined();
});

test("openMpi: a rank whose library is missing says so instead of running alone", () => {
  for (const rank of ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"]) {
    expect(() => openMpi({ environment: { [rank]: "1", SKYSENSE_MPI: "/nowhere/libmpi.so" } })).toThrow(
      `${rank} says that a launcher started this process, but libmpi cannot be loaded. Install Open MPI`,
    );
  }
});

test("openMpi: another library than Open MPI is refused", () => {
  expect(() => openMpi({ environment: { PMI_RANK: "0", SKYSENSE_MPI: "libc.so.6" } })).toThrow("not Open MPI");
});
