/** Whatever happens, in whatever order: once it is quiet, the host has what the records say, and they what was wished for. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { KindName, SpecInputOf } from "@lodge/schemas/spec/kind.ts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openSqliteStore } from "../driver/store/sqlite-store.ts";
import type { Store } from "./port/store.ts";
import type { Record } from "./record.ts";
import { violatedInvariants, watchPhases } from "./testing/invariants.ts";
import { World } from "./testing/world.ts";

/** What was acknowledged: the wishes that must come true. Undefined where an answer was lost. */
type Model = { readonly wishes: Map<string, object | "gone" | undefined> };

class Act implements fc.AsyncCommand<Model, World> {
  readonly #words: string;
  readonly #run: (world: World, model: Model) => Promise<void>;

  constructor(words: string, run: (world: World, model: Model) => Promise<void>) {
    this.#words = words;
    this.#run = run;
  }

  check = () => true;
  run = (model: Model, world: World) => this.#run(world, model);
  toString = () => this.#words;
}

/** Errors by which a wish is refused for good reason, in a world where anything may have happened before. */
const refusals = [
  "IN_USE",
  "BEING_DELETED",
  "REFERENCE_NOT_FOUND",
  "NOT_FOUND",
  "POOL_EXHAUSTED",
  "SHRINK",
  "DISK_ATTACHED",
  "FIELD_IMMUTABLE",
  "NAME_TAKEN",
  "REVISION_MISMATCH",
  "MEMORY_EXCEEDED",
  "ADDRESS_TAKEN",
];

/** Asks the agent that lives; whatever is not answered before its death may have been done or not. */
async function ask(
  world: World,
  model: Model,
  key: string,
  wish: object | "gone",
  call: () => Promise<unknown>,
) {
  const { life } = world;
  const answer = call().then(
    () => true,
    (error: { reason?: string }) => {
      if (!refusals.includes(error.reason ?? "")) throw error;
      return false;
    },
  );
  const accepted = await Promise.race([answer, life.death.then(() => undefined)]);
  if (accepted === undefined) model.wishes.set(key, undefined);
  else if (accepted) model.wishes.set(key, wish);
}

const put = <K extends KindName>(kind: K, name: string, spec: (world: World) => SpecInputOf<K>) =>
  new Act(
    `put ${kind} ${name} ${JSON.stringify(spec(new Proxy({}, { get: () => () => "…" }) as World))}`,
    (world, model) =>
      ask(world, model, `${kind} ${name}`, spec(world), () => world.put(kind, spec(world))),
  );

const remove = (kind: KindName, name: string) =>
  new Act(`delete ${kind} ${name}`, (world, model) =>
    ask(world, model, `${kind} ${name}`, "gone", () => world.delete(kind, name)),
  );

const vmNames = fc.constantFrom("a", "b", "c");
const diskNames = fc.constantFrom("d", "e");
const GiB = fc.integer({ min: 1, max: 4 }).map((count) => `${count}GiB`);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });

const putVm = fc
  .record({
    name: vmNames,
    power_state: fc.constantFrom("running" as const, "running" as const, "stopped" as const),
    memory: fc.constantFrom("128MiB", "256MiB"),
    firmware: fc.constantFrom("bios" as const, "uefi" as const),
    on_restart_required: fc.constantFrom("defer" as const, "restart" as const),
    shutdown_timeout: fc.constantFrom("0s", "5s", "40s"),
    root: GiB,
    scratch: maybe(GiB),
    data: maybe(diskNames),
    nics: fc.subarray(["eth0", "eth1", "raw"]),
    address: maybe(fc.constantFrom("10.20.0.15", "10.20.0.16")),
  })
  .map(({ name, root, scratch, data, nics, address, ...members }) =>
    put("vm", name, (world) => {
      const network_id = world.id("network lan");
      const ipv4_pool_id = world.id("address_pool lan");
      return {
        name,
        ...members,
        disks: {
          root: { image_id: world.id("image debian"), size: root },
          ...(scratch && { scratch: { size: scratch } }),
          ...(data && { data: { disk_id: world.id(`disk ${data}`) } }),
        },
        nics: Object.fromEntries(
          nics.map((nic, index) => [
            nic,
            nic === "raw"
              ? { network_id }
              : {
                  network_id,
                  ipv4_pool_id,
                  ...(index === 0 && address && { ipv4_address: address }),
                },
          ]),
        ),
      };
    }),
  );

/** Something that a guest, QEMU or the host does to a VM that runs. */
const happen = (words: string, name: string, body: (world: World, id: string) => void) =>
  new Act(`${words} ${name}`, async (world) => {
    const id = world.id(`vm ${name}`);
    const machine = (await world.machines()).find(({ vmId }) => vmId === id);
    if (machine?.state === "running" || machine?.state === "paused") body(world, id);
  });

const happenings = fc
  .tuple(
    vmNames,
    fc.constantFrom(
      "guestPowersOff" as const,
      "guestResets" as const,
      "guestPanics" as const,
      "kill" as const,
      "pause" as const,
      "runOn" as const,
    ),
  )
  .map(([name, what]) => happen(what, name, (world, id) => world.hypervisor[what](id)));

const diskErrors = vmNames.map((name) =>
  happen("disk error", name, (world, id) => world.hypervisor.pause(id, "disk root: full")),
);

async function restart(world: World): Promise<void> {
  world.end();
  await world.begin();
}

const calls = {
  hypervisor: [
    "start",
    "observe",
    "list",
    "powerDown",
    "stop",
    "delete",
    "resizeDisk",
    "setRebootAction",
    "resume",
  ],
  networks: ["set", "delete", "list", "plug", "unplug", "listNics", "acknowledgements"],
  disks: ["create", "inspect", "resize", "check", "delete", "list"],
  images: ["copy", "inspect", "delete", "list"],
} as const;

const faults = fc
  .constantFrom(
    ...Object.entries(calls).flatMap(([port, methods]) =>
      methods.map((method) => [port, method] as const),
    ),
  )
  .chain(([port, method]) =>
    fc.constantFrom("before" as const, "during" as const, "after" as const).map(
      (moment) =>
        new Act(`${port}.${method} fails ${moment}`, async (world) => {
          const error = lodgeError("COMMAND_FAILED", `${method} failed ${moment}`);
          world[port as "disks"].faults.failNext(method as "create", error, moment);
        }),
    ),
  );

const commands = [
  putVm,
  putVm,
  putVm,
  vmNames.map((name) => remove("vm", name)),
  fc.tuple(diskNames, GiB).map(([name, size]) => put("disk", name, () => ({ name, size }))),
  diskNames.map((name) => remove("disk", name)),
  fc.boolean().map((more) =>
    put("address_pool", "lan", (world) => ({
      name: "lan",
      network_id: world.id("network lan"),
      subnet: "main",
      ranges: [more ? "10.20.0.10-10.20.0.19" : "10.20.0.10-10.20.0.16"],
      cooldown: "60s",
    })),
  ),
  happenings,
  happenings,
  diskErrors,
  fc.boolean().map(
    (full) =>
      new Act(`the host's disk is ${full ? "" : "not "}full`, async (world) => {
        world.hypervisor.full = full;
      }),
  ),
  faults,
  fc
    .constantFrom(0, 1, 100, 5_000, 61_000)
    .map((ms) => new Act(`${ms} ms pass`, (world) => world.pass(ms))),
  fc.boolean().map(
    (obedient) =>
      new Act(`guests ${obedient ? "" : "dis"}obey`, async (world) => {
        world.hypervisor.obedient = obedient;
      }),
  ),
  fc.constant(
    new Act("the network breaks", async (world) => world.networks.break(world.id("network lan"))),
  ),
  fc.constant(new Act("the agent restarts", restart)),
  fc.nat({ max: 12 }).map(
    (steps) =>
      new Act(`the agent dies in ${steps} steps`, async (world) => {
        let left = steps;
        world.onStep = () => {
          if (left-- === 0) world.end();
        };
      }),
  ),
  fc.constant(
    new Act("the host restarts", async (world) => {
      await world.restartHost();
      await world.begin();
    }),
  ),
];

/** After every command the agent lives again, if it died of it. */
async function revive(world: World): Promise<void> {
  if (!world.life.ended) return;
  world.onStep = undefined;
  await world.begin();
}

async function live(
  run: Iterable<fc.AsyncCommand<Model, World>>,
  makeStore?: (now: () => number) => Store,
) {
  const world = new World(makeStore ? { store: makeStore } : {});
  const model: Model = { wishes: new Map() };
  await world.begin();
  await world.furnish();
  const controller = new AbortController();
  const wrongPhases = watchPhases(world.store, controller.signal);
  await fc.asyncModelRun(() => ({ model, real: world }), run);
  await revive(world);
  // From here on nothing stands in the way.
  world.onStep = undefined;
  world.hypervisor.obedient = true;
  world.hypervisor.full = false;
  for (const { vmId, state, diskError } of await world.machines()) {
    if (state === "paused" && diskError === undefined) world.hypervisor.runOn(vmId);
  }
  await world.pass(1_200_000);
  const before = new Map(
    (await world.store.list("vm")).records.map(({ id, status }) => [id, status.boot_id]),
  );
  await restart(world);
  await world.pass(60_000);
  const problems = [...(await violatedInvariants(world)), ...wrongPhases];
  for (const { id, spec, status } of (await world.store.list("vm")).records) {
    if (status.boot_id !== before.get(id))
      problems.push(`${spec.name} did not survive a restart of the agent`);
  }
  problems.push(...(await brokenPromises(world, model)));
  controller.abort();
  await world.core.close();
  return problems;
}

async function brokenPromises(world: World, { wishes }: Model): Promise<string[]> {
  const problems: string[] = [];
  for (const [key, wish] of wishes) {
    const [kind, name] = key.split(" ") as [KindName, string];
    const record = await world.get(kind, name);
    if (wish === "gone" && record) problems.push(`${key} was deleted and is there`);
    if (wish === undefined || wish === "gone") continue;
    if (!record) problems.push(`${key} was accepted and is not there`);
    else if (kind === "vm") {
      const { power_state, nics } = wish as SpecInputOf<"vm">;
      const { spec } = record as Record<"vm">;
      if (
        spec.power_state !== power_state ||
        Object.keys(spec.nics ?? {}).join() !== Object.keys(nics ?? {}).join()
      ) {
        problems.push(`${key} is not as it was accepted`);
      }
    }
  }
  return problems;
}

const revived = (all: Iterable<fc.AsyncCommand<Model, World>>) =>
  [...all].map((command) => ({
    check: (model: Readonly<Model>) => command.check(model),
    toString: () => command.toString(),
    run: async (model: Model, world: World) => {
      await revive(world);
      await command.run(model, world);
      if (world.life.ended) return;
      // Some of what follows happens while the agent is still busy with this.
      await Promise.race([new Promise((resolve) => setImmediate(resolve)), world.life.death]);
    },
  }));

test("on fakes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { maxCommands: 40, size: "+1" }), async (run) => {
      expect(await live(revived(run))).toEqual([]);
    }),
    { numRuns: Number(process.env["LODGE_TEST_RUNS"] ?? 120) },
  );
}, 600_000);

test("with the store in a database that is closed and opened again", async () => {
  const directory = mkdtempSync(join(tmpdir(), "lodge-model-"));
  let count = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 25 }), async (run) => {
        const path = join(directory, `${count++}.db`);
        expect(await live(revived(run), (now) => openSqliteStore({ path, now }))).toEqual([]);
      }),
      { numRuns: 15 },
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}, 600_000);
