/** An agent for tests of its clients: real gRPC with mutual TLS on a unix socket, and a handful of VMs made of words. */
import { clone, create, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  createAuthority,
  issueClientCertificate,
  issueServerCertificate,
} from "@lodge/agent/lib/pki.ts";
import { EventType } from "@lodge/schemas/gen/lodge/agent/v1/common_pb.ts";
import { HostService } from "@lodge/schemas/gen/lodge/agent/v1/host_pb.ts";
import {
  PowerState,
  VmPhase,
  VmSchema,
  VmService,
  VmStatusSchema,
  type Vm,
} from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { agentFiles } from "@lodge/schemas/rpc/local-agent.ts";
import { createServer } from "@lodge/schemas/rpc/server.ts";
import { bind, type CallContext } from "@lodge/schemas/rpc/service.ts";
import { EventEmitter, on, once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Made by {@link startFakeAgent}; disposing of it ends the server and removes its directory. */
export interface FakeAgent extends AsyncDisposable {
  /** For `--agent-dir` and LODGE_AGENT_DIR. */
  readonly directory: string;
  readonly vms: FakeVms;
  /** What was typed into consoles so far. */
  readonly typed: () => string;
  /** Says something on every console. */
  readonly say: (text: string) => void;
}

/** The fake's VMs; a Put reaches its wish when the test says so. */
export class FakeVms {
  readonly #vms = new Map<string, Vm>();
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #sequence = 0n;

  get(nameOrId: string): Vm | undefined {
    return this.list().find(({ meta, spec }) => meta?.id === nameOrId || spec?.name === nameOrId);
  }

  list(): readonly Vm[] {
    return [...this.#vms.values()];
  }

  set(init: MessageInitShape<typeof VmSchema>): Vm {
    const vm = create(VmSchema, init);
    vm.meta!.sequence = ++this.#sequence;
    this.#vms.set(vm.meta!.id, vm);
    this.#changes.emit("change", vm);
    return vm;
  }

  /** Gives a VM another status, and perhaps applies its wish in full. */
  update(name: string, status: MessageInitShape<typeof VmStatusSchema>, applied = false): void {
    const vm = clone(VmSchema, this.get(name)!);
    if (applied) vm.meta!.observedRevision = vm.meta!.specRevision;
    vm.status = create(VmStatusSchema, status);
    this.set(vm);
  }

  remove(id: string): void {
    const vm = this.#vms.get(id)!;
    this.#vms.delete(id);
    this.#changes.emit("change", { ...vm, status: undefined });
  }

  async *watch(id: string, signal: AbortSignal) {
    const changes = on(this.#changes, "change", { signal }) as AsyncIterable<[Vm]>;
    const sequence = this.#sequence;
    for (const vm of this.list()) {
      if (id === "" || vm.meta?.id === id) yield { type: EventType.PUT, object: vm, sequence };
    }
    yield { type: EventType.SYNCED, sequence };
    for await (const [vm] of changes) {
      if (id !== "" && vm.meta?.id !== id) continue;
      const type = vm.status ? EventType.PUT : EventType.DELETE;
      yield { type, object: vm, sequence: this.#sequence };
    }
  }
}

/** A VM that runs, for tests to vary. */
export function runningVm(name: string, id: string): MessageInitShape<typeof VmSchema> {
  const time = Date.UTC(2026, 0, 2, 3, 4, 5);
  return {
    meta: {
      id,
      host: "fake",
      specRevision: 3n,
      observedRevision: 3n,
      createTime: timestampFromMs(time),
      creator: "tester",
      claimed: true,
    },
    spec: {
      name,
      cpus: 2,
      memory: 2n ** 31n,
      powerState: PowerState.RUNNING,
      disks: { root: { imageId: "6f1b8d9e-0000-4000-8000-000000000001" } },
      nics: { eth0: { networkId: "6f1b8d9e-0000-4000-8000-000000000002" } },
      shutdownTimeout: { seconds: 60n },
    },
    status: {
      phase: VmPhase.RUNNING,
      actualPowerState: PowerState.RUNNING,
      nicStatus: [
        {
          name: "eth0",
          networkId: "6f1b8d9e-0000-4000-8000-000000000002",
          mac: "52:54:0a:14:00:0a",
          ipv4Address: "10.20.0.10",
          acknowledged: true,
        },
      ],
      diskStatus: [
        {
          name: "root",
          diskId: "6f1b8d9e-0000-4000-8000-000000000003",
          sizeBytes: 10n * 2n ** 30n,
        },
      ],
      boots: 1,
      pid: 4711,
      startedAt: timestampFromMs(time + 1000),
      events: [
        { time: timestampFromMs(time), type: "created", message: "created by tester" },
        { time: timestampFromMs(time + 1000), type: "started", message: "runs" },
      ],
    },
  };
}

/** Starts a fake agent. Forwarded connections lead to the same port of this machine. */
export async function startFakeAgent(): Promise<FakeAgent> {
  const directory = await mkdtemp(join(tmpdir(), "lodge-fake-"));
  const name = "fake";
  const files = agentFiles(directory, name);
  const authority = await createAuthority("fake authority");
  const [server, client] = await Promise.all([
    issueServerCertificate(authority, { host: name, addresses: ["127.0.0.1"] }),
    issueClientCertificate(authority, { user: "tester", role: "admin" }),
  ]);
  await Promise.all([
    writeFile(join(directory, "agent.json"), JSON.stringify({ name })),
    writeFile(files.caCertificate, authority.certificate),
    writeFile(files.clientCertificate, client.certificate),
    writeFile(files.clientKey, client.key, { mode: 0o600 }),
  ]);
  const vms = new FakeVms();
  const consoles = new EventEmitter().setMaxListeners(0);
  let typed = "";
  let history = "";
  const running = createServer({ services: [hostService(), vmService()] });
  await running.listen(`unix:${files.socket}`, { ca: authority.certificate, ...server });

  function vmService() {
    const found = (key: {
      readonly case?: string | undefined;
      readonly value?: string | undefined;
    }) => {
      const vm = vms
        .list()
        .find(({ meta, spec }) => (key.case === "id" ? meta?.id : spec?.name) === key.value);
      if (vm) return vm;
      throw lodgeError("NOT_FOUND", `There is no VM ${key.value}.`, { kind: "vm" });
    };
    return bind(VmService, {
      get: async ({ key }) => found(key),
      list: async () => ({ items: [...vms.list()] }),
      watch: ({ id }, { signal }) => vms.watch(id, signal),
      put: async ({ id, spec, expectedRevision }) => {
        const { meta, status } = found({ case: "id", value: id });
        if (expectedRevision !== meta!.specRevision) {
          throw lodgeError("REVISION_MISMATCH", "Edited since it was read.", { id });
        }
        return vms.set({
          meta: { ...meta!, specRevision: meta!.specRevision + 1n },
          spec: spec!,
          status: status!,
        });
      },
      console: async function* (requests, { signal }) {
        const ended = new AbortController();
        const said = on(consoles, "said", { signal: AbortSignal.any([signal, ended.signal]) });
        const iterator = requests[Symbol.asyncIterator]();
        const open = await iterator.next();
        const historyOnly = open.value?.part.case === "open" && open.value.part.value.historyOnly;
        yield { output: Buffer.from(history) };
        if (historyOnly) return ended.abort();
        const typing = (async () => {
          for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
            if (next.value.part.case === "input")
              typed += Buffer.from(next.value.part.value).toString();
          }
        })();
        typing.catch(() => {});
        for await (const [text] of said as AsyncIterable<[string]>)
          yield { output: Buffer.from(text) };
      },
      forward: (requests, context) => forward(requests, context),
    });
  }

  return {
    directory,
    vms,
    typed: () => typed,
    say: (text) => {
      history += text;
      consoles.emit("said", text);
    },
    async [Symbol.asyncDispose]() {
      await running.close(100);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function hostService() {
  return bind(HostService, {
    get: async () => ({
      name: "fake",
      version: "0.1.0",
      apiVersion: 1,
      accelerator: "tcg",
      acceleratorReason: "the probe took 12800 ms",
      qemuVersion: "7.2.22",
      machineType: "pc-q35-7.2",
      cpus: 2,
      memoryBytes: 8n * 2n ** 30n,
      memoryCommittedBytes: 2n ** 30n,
      capabilities: [
        { name: "kvm", available: false, reason: "the probe took 12800 ms" },
        { name: "uefi", available: false, reason: "no firmware is installed" },
      ],
      imageRoots: ["/images"],
    }),
  });
}

async function* forward(
  requests: AsyncIterable<import("@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts").ForwardRequest>,
  { signal }: CallContext,
) {
  const iterator = requests[Symbol.asyncIterator]();
  const first = await iterator.next();
  const { part } = first.value!;
  if (part.case !== "open") throw lodgeError("REQUEST_INVALID", "The first message must be open.");
  const socket = connect({ port: part.value.port, host: "127.0.0.1", allowHalfOpen: true });
  signal.addEventListener("abort", () => socket.destroy(), { once: true });
  const sending = (async () => {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      if (next.value.part.case === "data") socket.write(next.value.part.value);
    }
    socket.end();
  })();
  sending.catch(() => socket.destroy());
  try {
    for await (const data of socket.iterator({
      destroyOnReturn: false,
    }) as AsyncIterable<Buffer>)
      yield { part: { case: "data" as const, value: data } };
    yield { part: { case: "data" as const, value: Buffer.alloc(0) } };
    await Promise.race([sending.catch(() => undefined), once(socket, "close")]);
  } catch (cause) {
    throw lodgeError("GUEST_UNREACHABLE", "The guest did not accept the connection.", { cause });
  } finally {
    socket.destroy();
  }
}
