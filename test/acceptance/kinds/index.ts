import type { AcceptanceKind } from "../../harness/acceptance/kind.ts";
import { addressPool } from "./address-pool.ts";
import { disk } from "./disk.ts";
import { image } from "./image.ts";
import { network } from "./network.ts";
import { vm } from "./vm.ts";

/** Every kind of resource, in the order in which one needs another. */
export const acceptanceKinds = [
  network,
  addressPool,
  image,
  disk,
  vm,
] as readonly unknown[] as readonly AcceptanceKind[];
