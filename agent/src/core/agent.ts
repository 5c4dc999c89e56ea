/** The core of an agent: services that write wishes, reconcilers that make them true, over the ports of one host. */
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { Mutex } from "../lib/mutex.ts";
import { addressPoolPolicy } from "./address-pool/service.ts";
import { DiskReconciler } from "./disk/reconcile.ts";
import { diskPolicy } from "./disk/service.ts";
import type { HostResources } from "./host.ts";
import { ImageReconciler } from "./image/reconcile.ts";
import { imagePolicy } from "./image/service.ts";
import { uploadImage, type UploadRequest } from "./image/upload.ts";
import { Ledger } from "./ledger.ts";
import { NetworkReconciler } from "./network/reconcile.ts";
import { networkPolicy } from "./network/service.ts";
import type { Disks } from "./port/disks.ts";
import type { Consoles, Hypervisor, HypervisorCapabilities } from "./port/hypervisor.ts";
import type { Images } from "./port/images.ts";
import type { Networks } from "./port/networks.ts";
import type { Store } from "./port/store.ts";
import type { ReconcilerContext } from "./reconciler.ts";
import type { Record as ObjectRecord } from "./record.ts";
import { Runtime } from "./runtime.ts";
import type { Principal } from "./decide.ts";
import { ObjectService } from "./service.ts";
import type { StepHook } from "./step.ts";
import { sweep } from "./sweep.ts";
import { VmReconciler } from "./vm/reconcile.ts";
import { requestRestart, type RestartRequest } from "./vm/request-restart.ts";
import { vmPolicy } from "./vm/service.ts";

export interface CoreOptions {
  readonly store: Store;
  readonly hypervisor: Hypervisor;
  readonly consoles: Consoles;
  readonly networks: Networks;
  readonly disks: Disks;
  readonly images: Images;
  readonly clock: Clock;
  readonly log: Log;
  readonly host: HostResources;
  /** Told of every step; for tests. */
  readonly onStep?: StepHook;
  /** Milliseconds between two full looks at the host, give or take a quarter; default 30 seconds. */
  readonly sweepInterval?: number;
  /** Draws the ids of disks and boots; default random UUIDs. */
  readonly drawId?: () => string;
  /** Draws MAC addresses; default random ones. */
  readonly drawMac?: () => string;
}

export type Services = { readonly [K in KindName]: ObjectService<K> };

/** Made by {@link createCore}. */
export interface Core {
  readonly services: Services;
  readonly host: HostResources;
  readonly capabilities: HypervisorCapabilities;
  readonly store: Store;
  readonly consoles: Consoles;
  readonly networks: Networks;
  readonly images: Images;
  /** See `requestRestart`. */
  restart(request: RestartRequest): Promise<ObjectRecord<"vm">>;
  /** See `uploadImage`. */
  upload(
    request: UploadRequest,
    principal: Principal,
    chunks: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<ObjectRecord<"image">>;
  /** Looks at the host, mends the networks, then wakes everything. Resolves before all is true. */
  start(): Promise<void>;
  /** Looks at the whole host now. */
  sweep(): Promise<void>;
  /** Resolves as soon as there is nothing to do but to wait. */
  idle(): Promise<void>;
  /** Stops the reconcilers. Guests, networks and the store are left as they are. */
  close(): Promise<void>;
}

/** Makes a core that does nothing yet. Asks the hypervisor once what it can do. */
export async function createCore(options: CoreOptions): Promise<Core> {
  const { store, hypervisor, networks, disks, images, clock, log, host } = options;
  const { onStep, drawId, drawMac, sweepInterval = 30_000 } = options;
  const closing = new AbortController();
  const capabilities = await hypervisor.capabilities(closing.signal);
  const runtime = new Runtime({ clock, log });
  const ledger = new Ledger(store, runtime, { log, clock, onStep });
  const context: ReconcilerContext = {
    ledger,
    clock,
    log,
    onStep,
    heavy: (step, of, signal, body) => runtime.heavy(step, of, signal, body),
  };
  const draw = { ...(drawId && { drawId }), ...(drawMac && { drawMac }) };
  const reconcilers = {
    network: new NetworkReconciler(context, networks, host.dnsServers),
    image: new ImageReconciler(context, images),
    disk: new DiskReconciler(context, disks),
    vm: new VmReconciler({ context, capabilities, hypervisor, networks, disks, ...draw }),
  };
  runtime.use(reconcilers);
  const shared = { host: host.name, ledger, clock, admission: new Mutex() };
  const services: Services = {
    network: new ObjectService(networkPolicy(store, networks), shared),
    address_pool: new ObjectService(addressPoolPolicy(store), shared),
    image: new ObjectService(imagePolicy(images), shared),
    disk: new ObjectService(diskPolicy(store), shared),
    vm: new ObjectService(vmPolicy({ store, host, capabilities, ...draw }), shared),
  };
  const cleanup = new AsyncDisposableStack();
  const look = () =>
    sweep({
      store,
      hypervisor,
      networks,
      disks,
      images,
      reconcilers,
      log,
      wake: (reference) => runtime.wake(reference),
    });
  let cancelSweep = () => {};
  const planSweep = (wait: number): void => {
    cancelSweep = clock.after(wait, () => void lookAgain());
  };
  /** Looks at the host now and then on; a look that fails is repeated soon. */
  const lookAgain = async (): Promise<boolean> => {
    const seen = await look().then(
      () => true,
      (error: unknown) => {
        log.warn({ error }, "the host could not be looked at; it is tried again");
        return false;
      },
    );
    const wait = seen ? sweepInterval : Math.min(sweepInterval, 2000);
    if (!closing.signal.aborted) planSweep(wait * (0.75 + Math.random() / 2));
    return seen;
  };
  const wakeAll = async (): Promise<void> => {
    for (const kind of ["image", "disk", "vm"] as const) {
      for (const { id } of (await store.list(kind)).records) runtime.wake({ kind, id });
    }
  };
  const listen = (): void => {
    cleanup.defer(
      hypervisor.onEvent((event) => {
        reconcilers.vm.noteEvent(event);
        runtime.wake({ kind: "vm", id: event.vmId });
      }),
    );
    cleanup.defer(
      networks.onAcknowledgement((acknowledgement) => {
        void reconcilers.vm
          .noteAcknowledgement(acknowledgement)
          .then((id) => id !== undefined && runtime.wake({ kind: "vm", id }));
      }),
    );
    cleanup.defer(
      networks.onBroken((id) => {
        log.warn({ network: id }, "a network's services have ended; they are set up again");
        reconcilers.network.noteMissing(id);
        reconcilers.vm.noteBrokenNetwork(id);
        runtime.wake({ kind: "network", id });
      }),
    );
  };
  return {
    services,
    host,
    capabilities,
    store,
    consoles: options.consoles,
    networks,
    images,
    restart: (request) => requestRestart(shared, request),
    upload: (request, principal, chunks, signal) =>
      uploadImage(
        { context, service: services.image, reconciler: reconcilers.image, images },
        request,
        principal,
        chunks,
        signal,
      ),
    start: async () => {
      listen();
      const known = (await store.list("network")).records;
      for (const network of known) runtime.wake(network);
      // After a restart of the host no bridge is there: nothing is plugged in before they are. Only they are waited
      // for: clients that come meanwhile bring work of their own.
      await runtime.settled(known);
      if (!(await lookAgain())) await wakeAll();
    },
    sweep: look,
    idle: () => runtime.idle(),
    close: async () => {
      closing.abort();
      cancelSweep();
      await cleanup.disposeAsync();
      await runtime.close();
    },
  };
}
