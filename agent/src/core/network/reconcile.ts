import { defaultGateway, parseCidr } from "@lodge/schemas/spec/address.ts";
import { isDeepStrictEqual } from "node:util";
import type { NetworkConfig, Networks } from "../port/networks.ts";
import {
  deleteRecord,
  Failures,
  statusMessage,
  type Reconciler,
  type ReconcilerContext,
} from "../reconciler.ts";
import type { Record } from "../record.ts";
import { runStep } from "../step.ts";
import { networkEntry } from "./service.ts";

/** Keeps the bridges, their services and their translation as the records say. */
export class NetworkReconciler implements Reconciler {
  readonly #context: ReconcilerContext;
  readonly #networks: Networks;
  readonly #dnsServers: readonly string[];
  readonly #failures = new Failures();
  /** What this process has made sure of, by id; what it has not is set again, since the host may have restarted. */
  readonly #applied = new Map<string, NetworkConfig>();

  /** `dnsServers` are for subnets that name none. */
  constructor(context: ReconcilerContext, networks: Networks, dnsServers: readonly string[] = []) {
    this.#context = context;
    this.#networks = networks;
    this.#dnsServers = dnsServers;
  }

  /** Something of the network is gone from the host. */
  noteMissing(id: string): void {
    this.#applied.delete(id);
  }

  async reconcile(id: string, signal: AbortSignal): Promise<number | undefined> {
    const { ledger, clock } = this.#context;
    const of = { kind: "network", id } as const;
    const record = await ledger.store.get("network", id);
    if (!record || record.deletedAt !== undefined) return this.#end(of, record, signal);
    const config = configOf(record, this.#dnsServers);
    const settled =
      record.status.phase === "ready" && record.observedRevision === record.specRevision;
    const applied = isDeepStrictEqual(this.#applied.get(id), config);
    if (settled && applied) return undefined;
    const retryAt = this.#failures.retryAt(id, record.specRevision, clock.now());
    if (retryAt !== undefined) return retryAt;
    if (!applied) {
      // Nobody is to plug into a network that is being mended.
      if (record.status.phase === "ready") await this.#status(of, "pending", "");
      try {
        await runStep(this.#context, "set_network", of, () => this.#networks.set(config, signal));
        this.#applied.set(id, config);
        this.#failures.clear(id);
      } catch (error) {
        signal.throwIfAborted();
        const failure = this.#failures.failed(id, record.specRevision, clock.now(), error);
        await this.#status(of, "failed", statusMessage(failure));
        return this.#failures.retryAt(id, record.specRevision, clock.now());
      }
    }
    await this.#status(of, "ready", "", record.specRevision);
    return undefined;
  }

  async #end(
    of: { readonly kind: "network"; readonly id: string },
    record: Record<"network"> | undefined,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { ledger, clock } = this.#context;
    if (record && (await ledger.store.users(of)).length > 0) return undefined;
    const retryAt = this.#failures.retryAt(of.id, 0, clock.now());
    if (retryAt !== undefined) return retryAt;
    try {
      await runStep(this.#context, "delete_network", of, () =>
        this.#networks.delete(of.id, signal),
      );
    } catch (error) {
      signal.throwIfAborted();
      const failure = this.#failures.failed(of.id, 0, clock.now(), error);
      await this.#status(of, "deleting", statusMessage(failure));
      return this.#failures.retryAt(of.id, 0, clock.now());
    }
    this.#applied.delete(of.id);
    this.#failures.clear(of.id);
    if (record) await deleteRecord(this.#context, of, "commit_network");
    return undefined;
  }

  async #status(
    of: { readonly kind: "network"; readonly id: string },
    phase: Record<"network">["status"]["phase"],
    message: string,
    observedRevision?: number,
  ): Promise<void> {
    await this.#context.ledger.edit(
      of,
      networkEntry,
      (record) => {
        const draft = {
          ...record,
          status: {
            ...record.status,
            phase: record.deletedAt === undefined ? phase : ("deleting" as const),
            message,
          },
          observedRevision: observedRevision ?? record.observedRevision,
        };
        return isDeepStrictEqual(draft, record) ? undefined : draft;
      },
      "commit_network",
      of,
    );
  }
}

function configOf({ id, spec }: Record<"network">, dnsServers: readonly string[]): NetworkConfig {
  return {
    networkId: id,
    subnets: Object.keys(spec.subnets)
      .toSorted()
      .map((name) => {
        const { cidr, gateway, dns_servers } = spec.subnets[name]!;
        return {
          name,
          cidr,
          gateway: gateway ?? defaultGateway(parseCidr(cidr)!),
          dnsServers: dns_servers.length > 0 ? dns_servers : dnsServers,
        };
      }),
  };
}
