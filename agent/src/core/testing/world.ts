import { createHash } from "node:crypto";
import { kinds, type KindName, type SpecInputOf, type SpecOf } from "@lodge/schemas/spec/kind.ts";
import { FakeClock } from "../../lib/clock.fake.ts";
import { silentLog, type Log } from "../../lib/log.ts";
import { createCore, type Core } from "../agent.ts";
import { FakeDisks } from "../port/disks.fake.ts";
import { FakeHypervisor, type FakeHypervisorOptions } from "../port/hypervisor.fake.ts";
import { FakeImages } from "../port/images.fake.ts";
import { FakeNetworks } from "../port/networks.fake.ts";
import { createFakeStore } from "../port/store.fake.ts";
import type { Machine } from "../port/hypervisor.ts";
import type { Store } from "../port/store.ts";
import type { Record } from "../record.ts";
import type { StepHook } from "../step.ts";
import { Life } from "./life.ts";

export interface WorldOptions {
  readonly store?: (now: () => number) => Store;
  /** The host's name; default `rack1`. */
  readonly name?: string;
  readonly memoryBytes?: number;
  readonly dnsServers?: readonly string[];
  readonly cpus?: number;
  readonly log?: Log;
}

const GiB = 2 ** 30;

/** Growing the disk of a guest grows its file. */
class GrowingHypervisor extends FakeHypervisor {
  readonly #disks: FakeDisks;

  constructor(disks: FakeDisks, options: FakeHypervisorOptions) {
    super(options);
    this.#disks = disks;
  }

  override async resizeDisk(...args: Parameters<FakeHypervisor["resizeDisk"]>): Promise<void> {
    const [vmId, name, bytes] = args;
    try {
      await super.resizeDisk(...args);
    } finally {
      const disk = this.config(vmId)?.disks.find((candidate) => candidate.name === name);
      const file = disk && this.#disks.files.get(disk.diskId);
      if (file && this.diskSize(vmId, name) === bytes) file.sizeBytes = bytes;
    }
  }
}

/** A host with fakes for everything, on which agents live one after another. */
export class World {
  readonly clock = new FakeClock();
  readonly networks = new FakeNetworks({ now: () => this.clock.now() });
  readonly images = new FakeImages();
  readonly disks = new FakeDisks({ imageSize: (id) => this.#imageSize(id) });
  readonly hypervisor = new GrowingHypervisor(this.disks, { now: () => this.clock.now() });
  readonly store: Store;
  readonly principal = { name: "ann" };
  /** Told of every step of the agent that lives. */
  onStep: StepHook | undefined;
  life = new Life();
  core!: Core;
  readonly #options: WorldOptions;
  #drawn = 0;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    const now = () => this.clock.now();
    this.store = options.store?.(now) ?? createFakeStore({ now });
    this.images.hostFiles.set("/images/debian", Buffer.alloc(1024, 7));
    this.images.hostFiles.set("/images/kernel", Buffer.alloc(512, 9));
  }

  /** A new agent comes to life. Resolves when it has looked at everything. */
  async begin(): Promise<Core> {
    const life = new Life();
    this.life = life;
    this.clock.advance(1);
    this.core = await createCore({
      store: life.lend(this.store),
      hypervisor: life.lend(this.hypervisor),
      consoles: life.lend(this.hypervisor),
      networks: life.lend(this.networks),
      disks: life.lend(this.disks),
      images: life.lend(this.images),
      clock: life.lend(this.clock),
      log: this.#options.log ?? silentLog,
      host: {
        name: this.#options.name ?? "rack1",
        cpus: this.#options.cpus ?? 4,
        memoryBytes: this.#options.memoryBytes ?? 16 * GiB,
        dnsServers: this.#options.dnsServers ?? [],
      },
      onStep: async (name, moment) => {
        await this.onStep?.(name, moment);
        // The hook may have ended this life.
        if (life.ended) await new Promise(() => {});
      },
      drawId: () => this.id(`drawn ${this.#drawn++}`),
      drawMac: () => `56:54:00:00:00:${(this.#drawn++ % 256).toString(16).padStart(2, "0")}`,
    });
    await Promise.race([this.core.start(), life.death]);
    this.clock.advance(1);
    return this.core;
  }

  /** The agent dies. Guests, networks, files and the store stay. */
  end(): void {
    this.life.end();
  }

  /** The host restarts: only what is on its disks stays. */
  async restartHost(): Promise<void> {
    this.end();
    const { signal } = new AbortController();
    const stop = (id: string): Promise<void> =>
      this.hypervisor.stop(id, signal).catch(() => stop(id));
    for (const { vmId } of await this.machines()) await stop(vmId);
    this.networks.networks.clear();
    this.networks.nics.clear();
  }

  /** Lets so much time pass, and everything happen that it brings. Ends early with the agent's life. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.clock.now() + milliseconds;
    for (;;) {
      await this.quiet();
      const next = this.clock.next;
      if (next === undefined || next > end || this.life.ended) break;
      this.clock.advance(Math.max(0, next - this.clock.now()));
    }
    this.clock.advance(Math.max(0, end - this.clock.now()));
    await this.quiet();
  }

  /** Waits until nothing happens any more without time. */
  async quiet(): Promise<void> {
    for (let i = 0; i < 3; i++) {
      await Promise.race([this.core.idle(), this.life.death]);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The machines on the host, whatever faults wait for the agent. */
  async machines(): Promise<readonly Machine[]> {
    const { signal } = new AbortController();
    const seen = async <T>(call: () => Promise<T>): Promise<T> => call().catch(() => seen(call));
    const ids = await seen(() => this.hypervisor.list());
    const machines = await Promise.all(
      ids.map((id) => seen(() => this.hypervisor.observe(id, signal))),
    );
    return machines.filter((machine) => machine !== undefined);
  }

  /** A UUID that is the same for the same word. */
  id(word: string): string {
    const hex = createHash("sha256").update(word).digest("hex");
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      hex.slice(12, 16),
      hex.slice(16, 20),
      hex.slice(20, 32),
    ].join("-");
  }

  /** Puts a new object under the id of its name, or edits the one that is there. */
  async put<K extends KindName>(kind: K, spec: SpecInputOf<K>): Promise<Record<K>> {
    const parsed = kinds[kind].spec.parse(spec) as SpecOf<K>;
    const id = this.id(`${kind} ${parsed.name}`);
    const current = await this.store.get(kind, id);
    return this.core.services[kind].put(
      { id, spec: parsed, ...(current && { expectedRevision: current.specRevision }) } as never,
      this.principal,
    );
  }

  /** What there is of an object. */
  get<K extends KindName>(kind: K, name: string): Promise<Record<K> | undefined> {
    return this.store.get(kind, this.id(`${kind} ${name}`));
  }

  async delete(kind: KindName, name: string): Promise<void> {
    await this.core.services[kind].delete(this.id(`${kind} ${name}`));
  }

  /** A network, a pool and an image, as most cases need them. */
  async furnish(): Promise<void> {
    await this.put("network", { name: "lan", subnets: { main: { cidr: "10.20.0.0/24" } } });
    await this.put("address_pool", {
      name: "lan",
      network_id: this.id("network lan"),
      subnet: "main",
      ranges: ["10.20.0.10-10.20.0.19"],
      cooldown: "60s",
    });
    await this.put("image", { name: "debian", host_path: "/images/debian" });
    await this.quiet();
  }

  /** The spec of a VM with a disk of its own and an interface with an address. */
  vm(name: string, members: Partial<SpecInputOf<"vm">> = {}): SpecInputOf<"vm"> {
    return {
      name,
      memory: "128MiB",
      disks: { root: { image_id: this.id("image debian"), size: "1GiB" } },
      nics: {
        eth0: {
          network_id: this.id("network lan"),
          ipv4_pool_id: this.id("address_pool lan"),
        },
      },
      ...members,
    };
  }

  #imageSize(id: string): number | undefined {
    const file = this.images.files.get(id);
    return file === undefined || file === "unfinished" ? undefined : file.virtualSizeBytes;
  }
}
