/** The six operations of every kind, with specs and statuses as plain objects: what provider and command line share. */
import type { DescService, Message } from "@bufbuild/protobuf";
import { fromMessage, toMessage } from "./convert.ts";
import { AddressPoolService } from "./gen/lodge/agent/v1/address_pool_pb.ts";
import { EventType, type Meta, type ValidateResponse } from "./gen/lodge/agent/v1/common_pb.ts";
import { DiskService } from "./gen/lodge/agent/v1/disk_pb.ts";
import { ImageService } from "./gen/lodge/agent/v1/image_pb.ts";
import { NetworkService } from "./gen/lodge/agent/v1/network_pb.ts";
import { VmService } from "./gen/lodge/agent/v1/vm_pb.ts";
import { createClient, type Transport } from "./rpc/client.ts";
import { lodgeError } from "./rpc/error.ts";
import type { CallOptions } from "./rpc/service.ts";
import { kinds, type KindName, type SpecOf, type StatusOf } from "./spec/kind.ts";
import type { Violation } from "./spec/rule.ts";
import { nameFields, withFieldNames } from "./stranger.ts";

/** An object as an agent tells it. Sizes in bytes, durations in milliseconds. */
export interface Item<K extends KindName> {
  readonly id: string;
  /** The name of the host whose agent answered. */
  readonly host: string;
  readonly specRevision: number;
  readonly observedRevision: number;
  readonly claimed: boolean;
  /** The store's position of its last change. */
  readonly sequence: number;
  readonly spec: SpecOf<K>;
  readonly status: StatusOf<K>;
}

export type ItemEvent<K extends KindName> =
  | { readonly type: "put"; readonly item: Item<K>; readonly sequence: number }
  | { readonly type: "delete"; readonly id: string; readonly sequence: number }
  | { readonly type: "synced"; readonly sequence: number };

/** A wish: a new object, or with `expectedRevision` an edit of the one that was read at that revision. */
export interface Wish<K extends KindName> {
  readonly id: string;
  readonly spec: SpecOf<K>;
  readonly expectedRevision?: number;
}

/** What an agent has against a wish. */
export interface Refusal extends Violation {
  readonly reason: string;
  /** The same wish may be accepted later, unchanged. */
  readonly retryable: boolean;
  /** The id of the object that stands in the way; empty where there is none, and from an older agent. */
  readonly holder: string;
  /** Its kind. */
  readonly holderKind: string;
}

export type Key = { readonly id: string } | { readonly name: string };

/** Every method throws LodgeError. */
export interface KindClient<K extends KindName> {
  put(wish: Wish<K>, options?: CallOptions): Promise<Item<K>>;
  /** What put would refuse; empty where it would not. */
  validate(wish: Wish<K>, options?: CallOptions): Promise<readonly Refusal[]>;
  /** `claim` confirms that the caller keeps the id. */
  get(key: Key, claim: boolean, options?: CallOptions): Promise<Item<K>>;
  list(claimIds: readonly string[], options?: CallOptions): Promise<readonly Item<K>[]>;
  /** Confirms that the caller keeps these ids. Answers their objects; from an older agent all that there are. */
  claim(ids: readonly string[], options?: CallOptions): Promise<readonly Item<K>[]>;
  /** The state after `since` (0: all of it), `synced`, then changes. */
  watch(
    of: { readonly id?: string; readonly since?: number },
    options?: CallOptions,
  ): AsyncIterable<ItemEvent<K>>;
  delete(id: string, options?: CallOptions): Promise<void>;
}

/** An object's message, whatever its kind. */
export type ItemMessage = Message & {
  readonly meta?: Meta | undefined;
  readonly spec?: Message | undefined;
  readonly status?: Message | undefined;
};

interface EventMessage {
  readonly type: EventType;
  readonly object?: ItemMessage;
  readonly sequence: bigint;
}

/** The service that every kind's is an instance of. */
interface KindService {
  put(request: object, options?: CallOptions): Promise<ItemMessage>;
  validate(request: object, options?: CallOptions): Promise<ValidateResponse>;
  get(request: object, options?: CallOptions): Promise<ItemMessage>;
  list(request: object, options?: CallOptions): Promise<{ readonly items: readonly ItemMessage[] }>;
  watch(request: object, options?: CallOptions): AsyncIterable<EventMessage>;
  delete(request: object, options?: CallOptions): Promise<object>;
}

/** The gRPC service of each kind. */
export const services: { readonly [K in KindName]: DescService } = {
  network: NetworkService,
  address_pool: AddressPoolService,
  image: ImageService,
  disk: DiskService,
  vm: VmService,
};

/** A client of one kind's service. */
export function createKindClient<K extends KindName>(kind: K, transport: Transport): KindClient<K> {
  const service = createClient(services[kind], transport) as unknown as KindService;
  const { specMessage } = kinds[kind];
  const request = ({ id, spec, expectedRevision }: Wish<K>) => ({
    id,
    spec: toMessage(specMessage, spec),
    ...(expectedRevision !== undefined && { expectedRevision: BigInt(expectedRevision) }),
  });
  return {
    put: async (wish, options) => {
      const answer = service.put(request(wish), options);
      return itemOf(
        kind,
        await answer.catch((thrown: unknown) => {
          throw withFieldNames(specMessage, thrown);
        }),
      );
    },
    validate: async (wish, options) => {
      const { violations } = await service.validate(request(wish), options);
      return violations.map(({ path, message, reason, retryable, kind: holderKind, id }) => ({
        path,
        message: nameFields(specMessage, message),
        reason,
        retryable,
        holder: id,
        holderKind,
      }));
    },
    get: async (key, claim, options) =>
      itemOf(
        kind,
        await service.get(
          {
            key: "id" in key ? { case: "id", value: key.id } : { case: "name", value: key.name },
            claim,
          },
          options,
        ),
      ),
    list: async (claimIds, options) =>
      (await service.list({ claimIds }, options)).items.map((item) => itemOf(kind, item)),
    claim: async (claimIds, options) =>
      (await service.list({ claimIds, claimedOnly: true }, options)).items.map((item) =>
        itemOf(kind, item),
      ),
    watch: ({ id = "", since = 0 }, options) =>
      events(kind, service.watch({ id, since: BigInt(since) }, options)),
    delete: async (id, options) => {
      await service.delete({ id }, options);
    },
  };
}

async function* events<K extends KindName>(
  kind: K,
  stream: AsyncIterable<EventMessage>,
): AsyncIterable<ItemEvent<K>> {
  for await (const { type, object, sequence } of stream) {
    const at = Number(sequence);
    if (type === EventType.SYNCED) yield { type: "synced", sequence: at };
    else if (type === EventType.PUT && object)
      yield { type: "put", item: itemOf(kind, object), sequence: at };
    else if (type === EventType.DELETE)
      yield { type: "delete", id: object?.meta?.id ?? "", sequence: at };
  }
}

/** An object's message as a plain object. Throws MALFORMED_MESSAGE where that is none: it must not pass for nothing. */
export function itemOf<K extends KindName>(kind: K, { meta, spec, status }: ItemMessage): Item<K> {
  const { specMessage, statusMessage, status: facts, title } = kinds[kind];
  if (!meta?.id || !meta.host || !spec || !status) {
    const what = meta?.id ? `The ${title} ${meta.id}` : `A ${title}`;
    throw lodgeError("MALFORMED_MESSAGE", `${what} came from its agent without all its parts.`, {
      remedy: "Look at the agent's log, and bring both sides to the same version.",
    });
  }
  return {
    id: meta.id,
    host: meta.host,
    specRevision: Number(meta.specRevision),
    observedRevision: Number(meta.observedRevision),
    claimed: meta.claimed,
    sequence: Number(meta.sequence),
    spec: fromMessage(specMessage, spec) as SpecOf<K>,
    status: absentAsNull(facts, fromMessage(statusMessage, status)) as StatusOf<K>,
  };
}

/** Facts that an agent does not tell are null, so that nobody reads `undefined`. */
function absentAsNull(schema: { readonly shape: object }, value: Record<string, unknown>): object {
  const absent = Object.keys(schema.shape).filter((name) => value[name] === undefined);
  return Object.assign(value, Object.fromEntries(absent.map((name) => [name, null])));
}
