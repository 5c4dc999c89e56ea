/** A running agent, put together: the root operations in this process, the drivers on them, the core, and its API. */
import { availableParallelism } from "node:os";
import { createApi, type Api } from "../../api/api.ts";
import type { Capability } from "../../api/host.ts";
import { Refusals } from "../../api/refusals.ts";
import { createCore } from "../../core/agent.ts";
import type { StepHook } from "../../core/step.ts";
import { QemuDisks } from "../../driver/disk/qemu-disks.ts";
import { FileImages } from "../../driver/image/file-images.ts";
import { HostNetworks } from "../../driver/net/networks.ts";
import { QemuConsoles } from "../../driver/qemu/consoles.ts";
import { QemuHypervisor } from "../../driver/qemu/hypervisor.ts";
import { openSqliteStore } from "../../driver/store/sqlite-store.ts";
import { createNetworkOperations } from "../../host-ops/network-operations.ts";
import { createQemuOperations } from "../../host-ops/qemu/qemu-operations.ts";
import { systemClock } from "../../lib/clock.ts";
import type { HostOperations } from "../../lib/host-operations.ts";
import type { Layout } from "../../lib/layout.ts";
import type { Log } from "../../lib/log.ts";
import { usableMemory } from "../../lib/memory-limit.ts";

export interface ComposeOptions {
  /** The agent's name. */
  readonly name: string;
  readonly layout: Layout;
  readonly storePath: string;
  /** Absolute paths of the directories that images may be copied from. */
  readonly imageRoots: readonly string[];
  /** What the host can do beside what its hypervisor says. */
  readonly capabilities: readonly Capability[];
  /** What guests can ask for names, where their network says nothing else. */
  readonly dnsServers: readonly string[];
  readonly log: Log;
  /** Told of every step; for tests. */
  readonly onStep?: StepHook | undefined;
}

/** An agent that lacks only a socket. Disposing of it stops it; guests, networks and disks are left as they are. */
export interface Composed extends AsyncDisposable {
  readonly api: Api;
  /** Takes the host over: mends networks, finds guests again, and begins to make wishes true. */
  start(): Promise<void>;
}

/** Puts the agent together. Throws PROGRAM_MISSING where QEMU is not installed, and what opening the store throws. */
export async function compose(options: ComposeOptions): Promise<Composed> {
  const { name, layout, storePath, imageRoots, log, onStep } = options;
  await using cleanup = new AsyncDisposableStack();
  const operations: HostOperations = {
    ...createNetworkOperations(layout),
    ...createQemuOperations(layout, { log }),
  };
  const store = cleanup.adopt(openSqliteStore({ path: storePath }), (opened) => opened.close());
  const hypervisor = cleanup.use(new QemuHypervisor({ layout, operations, log }));
  const networks = cleanup.use(new HostNetworks(operations, layout));
  const isRunning = async (vmId: string) =>
    (await operations.listQemu()).some((process) => process.vmId === vmId && process.alive);
  const core = await createCore({
    store,
    hypervisor,
    networks,
    consoles: new QemuConsoles({ layout, isRunning }),
    disks: new QemuDisks(layout),
    images: new FileImages({ layout, roots: imageRoots }),
    clock: systemClock,
    log,
    host: {
      name,
      cpus: availableParallelism(),
      memoryBytes: usableMemory(),
      dnsServers: options.dnsServers,
    },
    ...(onStep && { onStep }),
  });
  cleanup.adopt(core, (made) => made.close());
  const refusals = cleanup.use(new Refusals({ clock: systemClock, log }));
  const owned = cleanup.move();
  return {
    api: createApi({ core, log, capabilities: options.capabilities, refusals }),
    start: () => core.start(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
