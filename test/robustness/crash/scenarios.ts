/** The life of a VM with everything that it needs, in parts that each can be done again and again. */
import type { StepMoment, StepName } from "../../../agent/src/core/step.ts";
import type { SpecInputOf } from "@lodge/schemas/spec/kind.ts";
import type { Guest } from "../../../scripts/guest/build.ts";
import { images, network, smallVm, together, type Ids } from "../../harness/small-world.ts";
import type { Wish } from "../../harness/wishes.ts";

/** What there is of the VM and its things between two parts. */
export type State = "absent" | "running" | "bare" | "stopped" | "unclean" | "uploaded";

/** What a wish is made of; every part of the life changes some of it. */
export interface Shape {
  readonly sizeMiB: number;
  readonly memoryMiB: 128 | 136 | 144;
  readonly renamed: boolean;
  readonly scratch: boolean;
}

export const firstShape: Shape = { sizeMiB: 16, memoryMiB: 128, renamed: false, scratch: true };

/** The agent that the wishes are for. */
export interface World extends Ids {
  /** The directory that its images are copied from. */
  readonly imports: string;
}

export interface Scenario {
  readonly name: string;
  readonly from: State;
  readonly to: State;
  /** How the shape changes. */
  readonly change?: (shape: Shape) => Shape;
  /** Without one, what is wished for stays. */
  readonly wish?: (shape: Shape, world: World) => Wish;
  /** By how many starts of the guest, exactly; the first makes it one. */
  readonly boots: number;
  /** The agent dies while it starts, and not while it serves. */
  readonly atStart?: true;
  /** The steps on this way, and how often each is taken for certain. */
  readonly steps: Partial<Readonly<Record<StepName, number>>>;
}

/** A moment of one of the steps of a scenario. */
export interface Point {
  readonly scenario: Scenario;
  readonly step: StepName;
  readonly moment: StepMoment;
  readonly count: number;
}

/** Every point of every scenario. */
export function allPoints(): Point[] {
  return scenarios.flatMap((scenario) =>
    Object.entries(scenario.steps).flatMap(([step, times]) =>
      Array.from({ length: times }, (_, index) => index + 1).flatMap((count) =>
        (["before", "after"] as const).map((moment) => ({
          scenario,
          step: step as StepName,
          moment,
          count,
        })),
      ),
    ),
  );
}

export const failpointOf = ({ step, moment, count }: Point): string => `${step}:${moment}:${count}`;

export const title = (point: Point): string => `${point.scenario.name}, ${failpointOf(point)}`;

/** The network, the images and the running guest that the agent's death may not touch. */
export const bystander = (world: World, guest: Guest): Wish =>
  together(network(world, "lan", 0), images(guest), {
    vm: { keep: smallVm(world, "keep", "lan", { disks: { scratch: { size: "16MiB" } } }) },
  });

function whole(shape: Shape, world: World, members: Partial<SpecInputOf<"vm">>): Wish {
  const vm = smallVm(world, shape.renamed ? "www" : "web", "dmz", {
    memory: `${shape.memoryMiB}MiB`,
    shutdown_timeout: "600s",
    disks: {
      root: { image_id: world.id("image", "base"), size: `${shape.sizeMiB}MiB` },
      data: { disk_id: world.id("disk", "data") },
      ...(shape.scratch && { scratch: { size: "4MiB" } }),
    },
    ...members,
  });
  return together(network(world, "dmz", 1), {
    image: { base: { name: "base", host_path: `${world.imports}/base.img` } },
    disk: { data: { name: "data", size: `${shape.sizeMiB}MiB` } },
    vm: { web: vm },
  });
}

const restart = {
  commit_put: 1,
  power_down: 1,
  remove_machine: 1,
  start_machine: 1,
  commit_vm: 3,
} as const;

export const scenarios: readonly Scenario[] = [
  {
    name: "create",
    from: "absent",
    to: "running",
    change: () => firstShape,
    wish: (shape, world) => whole(shape, world, {}),
    boots: 1,
    steps: {
      commit_put: 5,
      set_network: 1,
      commit_network: 1,
      copy_image: 1,
      commit_image: 1,
      create_disk: 3,
      commit_disk: 3,
      plug_nic: 1,
      start_machine: 1,
      commit_vm: 3,
    },
  },
  {
    name: "update of a running guest",
    from: "running",
    to: "running",
    change: (shape) => ({
      ...shape,
      sizeMiB: shape.sizeMiB + 4,
      memoryMiB: shape.memoryMiB === 136 ? 128 : 136,
      renamed: !shape.renamed,
    }),
    wish: (shape, world) => whole(shape, world, {}),
    boots: 0,
    steps: {
      commit_put: 2,
      resize_disk: 2,
      commit_disk: 2,
      set_reboot_action: 1,
      plug_nic: 1,
      commit_vm: 1,
    },
  },
  {
    name: "update with a restart that takes a disk away",
    from: "running",
    to: "bare",
    change: (shape) => ({ ...shape, scratch: false }),
    wish: (shape, world) => whole(shape, world, { on_restart_required: "restart" }),
    boots: 1,
    steps: { ...restart, delete_disk: 1, commit_disk: 1 },
  },
  {
    name: "update with a restart that adds a disk",
    from: "bare",
    to: "running",
    change: (shape) => ({ ...shape, scratch: true }),
    wish: (shape, world) => whole(shape, world, { on_restart_required: "restart" }),
    boots: 1,
    steps: { ...restart, create_disk: 1, commit_disk: 1 },
  },
  {
    name: "stop",
    from: "running",
    to: "stopped",
    wish: (shape, world) => whole(shape, world, { power_state: "stopped" }),
    boots: 0,
    steps: { commit_put: 1, power_down: 1, remove_machine: 1, unplug_nic: 1, commit_vm: 2 },
  },
  {
    name: "start",
    from: "stopped",
    to: "running",
    wish: (shape, world) => whole(shape, world, {}),
    boots: 1,
    steps: { commit_put: 1, plug_nic: 1, start_machine: 1, commit_vm: 3 },
  },
  {
    name: "stop by force",
    from: "running",
    to: "unclean",
    wish: (shape, world) => whole(shape, world, { power_state: "stopped", shutdown_timeout: "0s" }),
    boots: 0,
    steps: { commit_put: 1, force_stop: 1, unplug_nic: 1, commit_vm: 2 },
  },
  {
    name: "start with larger disks after a stop by force",
    from: "unclean",
    to: "running",
    change: (shape) => ({ ...shape, sizeMiB: shape.sizeMiB + 4 }),
    wish: (shape, world) => whole(shape, world, {}),
    boots: 1,
    steps: {
      commit_put: 2,
      check_disk: 3,
      grow_disk: 2,
      commit_disk: 2,
      plug_nic: 1,
      start_machine: 1,
      commit_vm: 3,
    },
  },
  {
    name: "start of the agent",
    from: "running",
    to: "running",
    boots: 0,
    atStart: true,
    steps: { commit_network: 4, set_network: 2, set_reboot_action: 2, plug_nic: 2 },
  },
  {
    name: "delete",
    from: "running",
    to: "absent",
    wish: () => ({}),
    boots: 0,
    steps: {
      commit_delete: 5,
      power_down: 1,
      remove_machine: 1,
      delete_machine: 1,
      unplug_nic: 1,
      commit_vm: 4,
      delete_disk: 3,
      commit_disk: 3,
      delete_image: 1,
      commit_image: 1,
      delete_network: 1,
      commit_network: 1,
    },
  },
  {
    name: "upload",
    from: "absent",
    to: "uploaded",
    wish: () => ({ image: { sent: { name: "sent" } } }),
    boots: 0,
    steps: { receive_image: 1, commit_put: 1 },
  },
  {
    name: "delete of what was uploaded",
    from: "uploaded",
    to: "absent",
    wish: () => ({}),
    boots: 0,
    steps: { commit_delete: 1, delete_image: 1, commit_image: 1 },
  },
];

/** The scenarios that lead from one state to another, the fewest that do. */
export function way(from: State, to: State): readonly Scenario[] {
  const found = new Map<State, readonly Scenario[]>([[from, []]]);
  for (const [state, path] of found) {
    for (const scenario of scenarios) {
      if (scenario.from === state && !found.has(scenario.to)) {
        found.set(scenario.to, [...path, scenario]);
      }
    }
  }
  return found.get(to)!;
}
