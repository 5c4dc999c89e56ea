/**
 * The update matrix: every change of every kind at once, one instance each, in a handful of runs of Terraform. Each
 * plan must show exactly the expected actions, each apply leave an empty plan, and nothing else may have happened.
 */
import { isDeepStrictEqual } from "node:util";
import type { TestAgent } from "../agent.ts";
import { actionOf, drifts, isBack, specOf, type Case } from "./case.ts";
import { compare, together, type Comparison, type Together } from "./compare.ts";
import type { Resources, Values } from "./kind.ts";
import { allObjects, type Objects } from "./place.ts";
import { resolved, type Instance, type Planned, type Workspace } from "./workspace.ts";

/** Walks cases in one workspace, together with what they stand on. */
export class Matrix {
  readonly #agent: TestAgent;
  readonly #workspace: Workspace;
  readonly #cases: readonly Case[];
  readonly #ground: Resources;

  constructor(agent: TestAgent, workspace: Workspace, cases: readonly Case[], ground: Resources) {
    this.#agent = agent;
    this.#workspace = workspace;
    this.#cases = cases;
    this.#ground = ground;
  }

  /** How many configurations the longest case has. */
  get rounds(): number {
    return Math.max(...this.#cases.map(({ rounds }) => rounds.length));
  }

  /** Makes everything. */
  async begin(): Promise<Together> {
    this.#configure(0);
    await this.#workspace.apply("-parallelism=20");
    return this.#settled();
  }

  /** Changes every case to its configuration of a round. */
  async change(round: number): Promise<Together> {
    const before = await this.#snapshot();
    const changing = this.#cases.filter(({ rounds }) => rounds.length > round);
    this.#configure(round);
    const plan = await this.#workspace.planned();
    await this.#workspace.applyPlanned("-parallelism=20");
    const settled = await this.#settled();
    const after = await this.#snapshot();
    const whole = together(
      Object.fromEntries(
        changing.map((item) => [item.title, becomes(item, round, { plan, before, after })]),
      ),
    );
    const changes = changing
      .map((item) => [item.address, actionOf(item, round)])
      .filter(([, action]) => action !== "no-op");
    return together({
      plan: { expected: Object.fromEntries(changes), found: plan.changes },
      whole,
      settled,
    });
  }

  /** Somebody else edits every object that can be edited; a plan shows that, and an apply mends it. */
  async drift(): Promise<Together> {
    const drifting = this.#cases.filter(drifts);
    const state = this.#workspace.attributes();
    for (const { kind, address, rounds } of drifting) {
      const client = await this.#agent.client(kind);
      const { id, specRevision } = await client.get({ id: state[address]!["id"] }, false);
      const spec = specOf(kind, resolved(rounds[1]!, state));
      await client.put({ id, spec, expectedRevision: specRevision });
    }
    const { changes, drift } = await this.#workspace.planned();
    await this.#workspace.applyPlanned("-parallelism=20");
    const expected = Object.fromEntries(drifting.map(({ address }) => [address, "update"]));
    return together({
      any: { expected: true, found: drifting.length > 0 },
      changes: { expected, found: changes },
      drift: { expected, found: drift },
      settled: await this.#settled(),
    });
  }

  #configure(round: number): void {
    const own = this.#cases.map(({ address, rounds }) => [
      address,
      rounds[Math.min(round, rounds.length - 1)]!,
    ]);
    const needs = this.#cases.map(({ change, place }) => change.needs?.(place) ?? {});
    const resources: Resources = Object.assign(
      {},
      this.#ground,
      ...needs,
      Object.fromEntries(own) as Resources,
    );
    this.#workspace.configure({ resources });
  }

  /** Nothing is left to do, and state and agent say the same of every object. */
  async #settled(): Promise<Together> {
    const remains = await this.#workspace.remains();
    const { instances, objects } = await this.#snapshot();
    const alike = this.#cases.map(({ title, kind, address }) => {
      const state = instances[address]!;
      return [title, compare(kind, state, objects.get(state["id"]))];
    });
    return together({
      remains: { expected: [], found: remains },
      ...(Object.fromEntries(alike) as Record<string, Comparison>),
    });
  }

  async #snapshot(): Promise<Snapshot> {
    return {
      instances: this.#workspace.attributes(),
      objects: await allObjects(this.#agent),
    };
  }
}

interface Snapshot {
  readonly instances: Readonly<Record<string, Instance["attributes"]>>;
  readonly objects: Objects;
}

/** What becomes of a case in a round, and what must not. */
function becomes(
  item: Case,
  round: number,
  { plan, before, after }: { plan: Planned; before: Snapshot; after: Snapshot },
): Comparison {
  const { address, change, rounds } = item;
  const [old, now] = [before.instances[address]!, after.instances[address]!];
  const replaced = actionOf(item, round) === "replace";
  const all: Record<string, Comparison> = {
    announced: announced(item, round, plan, old),
    replaced: { expected: replaced, found: old["id"] !== now["id"] },
    host: { expected: old["actual_host"], found: now["actual_host"] },
  };
  if (item.kind !== "vm" || replaced) return together(all);
  const [from, to] = [rounds[round - 1]!, rounds[round]!];
  const nics = (fact: string) =>
    kept([from["nics"], to["nics"]], [old["nic_status"], now["nic_status"]], fact);
  const [oldBoot, boot] = [before, after].map(({ objects }) => bootOf(objects, old["id"]));
  return together({
    ...all,
    waits: {
      expected: isBack(item, round) ? [] : (change.waits ?? []),
      found: now["restart_required"],
    },
    restarted: { expected: change.restarts !== undefined, found: boot !== oldBoot },
    macs: nics("mac"),
    addresses: nics("ipv4_address"),
    disks: kept([from["disks"], to["disks"]], [old["disk_status"], now["disk_status"]], "disk_id"),
  });
}

/** A restart, a wait for one, and a disk that is deleted are said at the plan; nothing else is. */
function announced(item: Case, round: number, { diagnostics }: Planned, old: Values): Comparison {
  const { address, change } = item;
  const said = diagnostics
    .filter((diagnostic) => diagnostic.address === address)
    .map(({ summary, detail }) =>
      summary.startsWith("The disk ") ? summary : `${summary}: ${detail.split(". With")[0]}`,
    );
  // On the way back nothing is left to wait: the guest has never left what is wished for again.
  const waits = isBack(item, round) ? undefined : change.waits?.join(", ");
  const expected = [
    ...lost(old, item.rounds[round]!).map((name) => `The disk ${name} will be deleted`),
    ...(waits === undefined
      ? []
      : [`Changes will wait for a restart: At the next boot of the VM: ${waits}`]),
    ...(change.restarts?.length
      ? [`The VM will be restarted: These changes need it: ${change.restarts.join(", ")}`]
      : []),
  ];
  return { expected, found: said };
}

/** The VM's own disks that there are, and that its next configuration does not have. */
function lost({ disks, disk_status }: Values, to: Values): string[] {
  const [had, has] = [disks, to["disks"]].map((all) => (all ?? {}) as Record<string, Values>);
  return ((disk_status ?? []) as { readonly name: string; readonly size_bytes: number }[])
    .filter(({ name, size_bytes }) => size_bytes > 0 && had![name]?.["disk_id"] === null)
    .map(({ name }) => name)
    .filter((name) => has![name] === undefined);
}

/** A fact of the devices whose configuration has not changed. */
function kept(
  [from = {}, to = {}]: readonly unknown[],
  [old, now]: readonly unknown[],
  fact: string,
): Comparison {
  const same = Object.keys(to as Values).filter((name) =>
    isDeepStrictEqual((to as Values)[name], (from as Values)[name]),
  );
  const facts = (status: unknown) =>
    (status as Values[])
      .filter(({ name }) => same.includes(name as string))
      .map((device) => device[fact]);
  return { expected: facts(old), found: facts(now) };
}

function bootOf(objects: Objects, id: string): string | null {
  const status = objects.get(id)!.status;
  return "boot_id" in status ? status.boot_id : null;
}
