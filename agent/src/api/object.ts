/** Put, Validate, Get, List, Watch and Delete of every kind, written once over the kinds' descriptors. */
import { randomUUID } from "node:crypto";
import type { DescService, Message } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { specFromMessage, toMessage } from "@lodge/schemas/convert.ts";
import { AddressPoolService } from "@lodge/schemas/gen/lodge/agent/v1/address_pool_pb.ts";
import {
  EventType,
  type DeleteRequest,
  type GetRequest,
  type ListRequest,
  type WatchRequest,
} from "@lodge/schemas/gen/lodge/agent/v1/common_pb.ts";
import { DiskService } from "@lodge/schemas/gen/lodge/agent/v1/disk_pb.ts";
import { ImageService } from "@lodge/schemas/gen/lodge/agent/v1/image_pb.ts";
import { NetworkService } from "@lodge/schemas/gen/lodge/agent/v1/network_pb.ts";
import { VmService } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { CallContext, ServiceBinding } from "@lodge/schemas/rpc/service.ts";
import { reasonEntry } from "@lodge/schemas/rpc/reasons.ts";
import { objectId } from "@lodge/schemas/spec/field.ts";
import { kinds, type Kind, type KindName } from "@lodge/schemas/spec/kind.ts";
import type { Violation } from "@lodge/schemas/spec/rule.ts";
import type { z } from "zod";
import type { Core } from "../core/agent.ts";
import type { Change } from "../core/port/store.ts";
import type { Record as ObjectRecord } from "../core/record.ts";
import type { PutRequest } from "../core/decide.ts";
import { sentence } from "../core/words.ts";
import type { Log } from "../lib/log.ts";
import { audit } from "./audit.ts";
import { principalKey } from "./principal.ts";

/** The gRPC service of each kind. */
export const objectServices: { readonly [K in KindName]: DescService } = {
  network: NetworkService,
  address_pool: AddressPoolService,
  image: ImageService,
  disk: DiskService,
  vm: VmService,
};

/** A Put request of any kind. */
export interface PutMessage {
  readonly id: string;
  readonly spec?: Message | undefined;
  readonly expectedRevision?: bigint | undefined;
}

/** The handlers of one kind, without those that only it has. */
export function objectService<K extends KindName>(
  core: Core,
  log: Log,
  kind: K,
  further: ServiceBinding["implementation"] = {},
): ServiceBinding {
  const service = core.services[kind];
  const host = core.host.name;
  return {
    service: objectServices[kind],
    implementation: {
      ...further,
      put: async (message: PutMessage, context: CallContext) => {
        const record = await service.put(putRequest(kind, message), context.get(principalKey));
        audit(log, context, kind, record.id);
        return objectMessage(host, record);
      },
      validate: async (message: PutMessage, context: CallContext) => {
        const parsed = parseSpec(kind, message);
        if (parsed.violations) {
          const violations = parsed.violations.map(({ path, message }) => ({
            path: [...path],
            message,
            reason: "SPEC_INVALID",
          }));
          return { violations };
        }
        // At plan a new object may have no id yet.
        const id = message.id === "" ? randomUUID() : message.id;
        const request = putRequest(kind, { ...message, id });
        const refusals = await service.validate(request, context.get(principalKey));
        return {
          violations: refusals.map(({ path, message, remedy, reason, retryable, ...holder }) => ({
            path: [...path],
            message: [sentence(message), remedy].filter(Boolean).join(" "),
            reason,
            retryable: retryable ?? reasonEntry(reason)?.retryable ?? false,
            kind: holder.kind ?? "",
            id: holder.id ?? "",
          })),
        };
      },
      get: async ({ key, claim }: GetRequest, context: CallContext) => {
        if (!key.value) throw lodgeError("REQUEST_INVALID", "Neither an id nor a name is given.");
        const by = key.case === "id" ? { id: key.value } : { name: key.value };
        const record = await service.get(by, claim && mayClaim(context));
        return objectMessage(host, record);
      },
      list: async ({ claimIds, claimedOnly }: ListRequest, context: CallContext) => {
        const claims = mayClaim(context) ? claimIds : [];
        const { records, sequence } = await service.list(
          claims,
          claimedOnly ? claimIds : undefined,
        );
        const items = records.map((record) => objectMessage(host, brief(record as ObjectRecord)));
        return { items, sequence: BigInt(sequence) };
      },
      watch: ({ id, since }: WatchRequest, context: CallContext) =>
        events(host, service.watch(Number(since), id === "" ? undefined : id, context.signal)),
      delete: async ({ id, expectedRevision }: DeleteRequest, context: CallContext) => {
        const revision = expectedRevision === 0n ? undefined : Number(expectedRevision);
        await service.delete(id, revision);
        audit(log, context, kind, id);
        return {};
      },
    },
  };
}

/** A claim is a note for those who create; whoever may only look leaves none. */
function mayClaim(context: CallContext): boolean {
  return context.get(principalKey).role === "admin";
}

/** The wish in a request. Throws INVALID_ARGUMENT (reason SPEC_INVALID, REQUEST_INVALID). */
export function putRequest<K extends KindName>(kind: K, message: PutMessage): PutRequest<K> {
  const { id, expectedRevision } = message;
  if (!objectId.safeParse(id).success) {
    throw lodgeError("REQUEST_INVALID", `The id ${JSON.stringify(id)} is no UUID in lower case.`, {
      violations: [{ path: "id", message: "must be a UUID in lower case, drawn by the client" }],
    });
  }
  const { spec, violations } = parseSpec(kind, message);
  if (violations) {
    throw lodgeError(
      "SPEC_INVALID",
      violations.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; "),
      {
        kind,
        id,
        violations: violations.map(({ path, message }) => ({
          path: ["spec", ...path].join("."),
          message,
        })),
      },
    );
  }
  return {
    id,
    spec,
    ...(expectedRevision !== undefined && { expectedRevision: Number(expectedRevision) }),
  } as PutRequest<K>;
}

function parseSpec(
  kind: KindName,
  { spec }: PutMessage,
):
  | { readonly spec: object; readonly violations?: undefined }
  | { readonly spec?: undefined; readonly violations: readonly Violation[] } {
  if (!spec) return { violations: [{ path: [], message: "the spec is missing" }] };
  return specFromMessage(kinds[kind] as unknown as Kind<string, z.ZodObject, z.ZodObject>, spec);
}

/** In a list of a thousand, nobody reads the log of each. */
function brief(record: ObjectRecord): ObjectRecord {
  if (record.kind !== "vm") return record;
  const vm = record as ObjectRecord<"vm">;
  return { ...vm, status: { ...vm.status, events: [] } };
}

/** The message of an object. */
export function objectMessage(host: string, record: ObjectRecord): object {
  const { specMessage, statusMessage } = kinds[record.kind];
  return {
    meta: {
      id: record.id,
      host,
      specRevision: BigInt(record.specRevision),
      observedRevision: BigInt(record.observedRevision),
      sequence: BigInt(record.sequence),
      createTime: timestampFromMs(record.createdAt),
      creator: record.creator,
      claimed: record.claimed,
    },
    spec: toMessage(specMessage, record.spec),
    status: toMessage(statusMessage, record.status),
  };
}

async function* events(host: string, changes: AsyncIterable<Change>): AsyncGenerator<object> {
  for await (const change of changes) {
    const sequence = BigInt(change.sequence);
    if (change.type === "synced") yield { type: EventType.SYNCED, sequence };
    else if (change.type === "delete") {
      const meta = { id: change.reference.id, host, sequence };
      yield { type: EventType.DELETE, object: { meta }, sequence };
    } else yield { type: EventType.PUT, object: objectMessage(host, change.record), sequence };
  }
}
