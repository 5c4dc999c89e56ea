/**
 * The kinds of object, each with its spec, status, rules and messages: what the converter, the store, the API
 * and the provider go through when they do the same for every kind.
 */
import type { DescMessage } from "@bufbuild/protobuf";
import type { z } from "zod";
import {
  AddressPoolSpecSchema,
  AddressPoolStatusSchema,
} from "../gen/lodge/agent/v1/address_pool_pb.ts";
import { DiskSpecSchema, DiskStatusSchema } from "../gen/lodge/agent/v1/disk_pb.ts";
import { ImageSpecSchema, ImageStatusSchema } from "../gen/lodge/agent/v1/image_pb.ts";
import { NetworkSpecSchema, NetworkStatusSchema } from "../gen/lodge/agent/v1/network_pb.ts";
import { VmSpecSchema, VmStatusSchema } from "../gen/lodge/agent/v1/vm_pb.ts";
import { AddressPoolSpec, AddressPoolStatus, addressPoolRules } from "./address-pool.ts";
import { DiskSpec, DiskStatus, diskRules } from "./disk.ts";
import { ImageSpec, ImageStatus } from "./image.ts";
import { NetworkSpec, NetworkStatus, networkRules } from "./network.ts";
import type { Rule } from "./rule.ts";
import { VmSpec, VmStatus, vmRules } from "./vm.ts";

/** Everything that is known of a kind before any object of it exists. */
export interface Kind<Name extends string, Spec extends z.ZodObject, Status extends z.ZodObject> {
  /** The name in the store, in errors and in the command line: `vm`, `address_pool`. */
  readonly name: Name;
  /** What people call it in a sentence. */
  readonly title: string;
  readonly spec: Spec;
  readonly status: Status;
  readonly rules: readonly Rule<z.output<Spec>>[];
  readonly specMessage: DescMessage;
  readonly statusMessage: DescMessage;
}

function kind<Name extends string, Spec extends z.ZodObject, Status extends z.ZodObject>(
  definition: Kind<Name, Spec, Status>,
): Kind<Name, Spec, Status> {
  return definition;
}

export const kinds = {
  network: kind({
    name: "network",
    title: "network",
    spec: NetworkSpec,
    status: NetworkStatus,
    rules: networkRules,
    specMessage: NetworkSpecSchema,
    statusMessage: NetworkStatusSchema,
  }),
  address_pool: kind({
    name: "address_pool",
    title: "address pool",
    spec: AddressPoolSpec,
    status: AddressPoolStatus,
    rules: addressPoolRules,
    specMessage: AddressPoolSpecSchema,
    statusMessage: AddressPoolStatusSchema,
  }),
  image: kind({
    name: "image",
    title: "image",
    spec: ImageSpec,
    status: ImageStatus,
    rules: [],
    specMessage: ImageSpecSchema,
    statusMessage: ImageStatusSchema,
  }),
  disk: kind({
    name: "disk",
    title: "disk",
    spec: DiskSpec,
    status: DiskStatus,
    rules: diskRules,
    specMessage: DiskSpecSchema,
    statusMessage: DiskStatusSchema,
  }),
  vm: kind({
    name: "vm",
    title: "VM",
    spec: VmSpec,
    status: VmStatus,
    rules: vmRules,
    specMessage: VmSpecSchema,
    statusMessage: VmStatusSchema,
  }),
} as const;

/** The name of a kind. */
export type KindName = keyof typeof kinds;
/** The wish of a kind, with sizes in bytes and durations in milliseconds. */
export type SpecOf<K extends KindName> = z.output<(typeof kinds)[K]["spec"]>;
/** The wish of a kind as users write it, with sizes and durations as text. */
export type SpecInputOf<K extends KindName> = z.input<(typeof kinds)[K]["spec"]>;
/** The facts of a kind. */
export type StatusOf<K extends KindName> = z.output<(typeof kinds)[K]["status"]>;
