import {
  AddressPoolSpec,
  AddressPoolStatus,
  addressPoolRules,
} from "@lodge/schemas/spec/address-pool.ts";
import * as z from "zod";
import type { Hosts } from "../hosts.ts";
import { resource } from "../sdk/resource.ts";
import { hostAttributes, idAttribute, timeoutsAttribute } from "./common.ts";
import { kindResource, type KindDefinition } from "./kind-resource.ts";
import { onOneHost } from "./placement.ts";

const schema = z.object({
  id: idAttribute,
  ...hostAttributes,
  ...AddressPoolSpec.shape,
  size: AddressPoolStatus.shape.size,
  ...timeoutsAttribute,
});

export const addressPoolKind: KindDefinition<"address_pool", typeof schema> = {
  kind: "address_pool",
  schema,
  placement: onOneHost,
};

export const addressPool = resource<Hosts>()({
  type: "lodge_address_pool",
  version: 0,
  description:
    "The addresses of one subnet that VMs are given. An address is held as long as its VM exists, then rests.",
  schema,
  rules: addressPoolRules,
  ...kindResource(addressPoolKind),
});
