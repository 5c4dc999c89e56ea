/** What those who only look see of the kinds: data sources and list resources are made of it. */
import type { Item } from "@lodge/schemas/kind-client.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import * as z from "zod";
import { addressPoolKind } from "../resources/address-pool.ts";
import { diskKind } from "../resources/disk.ts";
import { imageKind } from "../resources/image.ts";
import { stateOf, type KindDefinition } from "../resources/kind-resource.ts";
import { networkKind } from "../resources/network.ts";
import { vmKind } from "../resources/vm.ts";
import { readOnly, readOnlyValue } from "../sdk/schema/read-only.ts";

/** What an object tells, by attribute. */
export type Told = Readonly<Record<string, unknown>>;

/** Whether an object is meant by what a filter says. */
interface Filter {
  readonly schema: z.ZodType;
  readonly test: (told: Told, wanted: unknown) => boolean;
}

/** How objects of a kind are shown and searched. */
export interface KindView<K extends KindName = KindName> {
  readonly kind: K;
  /** The name of its resource type: `lodge_vm`. */
  readonly type: string;
  /** The name of a list of them: `vms`. */
  readonly many: string;
  /** What people call one and several: "VM", "VMs". */
  readonly title: string;
  readonly titles: string;
  readonly definition: Pick<
    KindDefinition<K, z.ZodObject>,
    "kind" | "schema" | "placement" | "imported"
  > & {
    readonly derive?: ((item: Item<K>) => Told) | undefined;
    readonly ownerOf?: ((item: Item<K>) => string | null) | undefined;
  };
  /** The attributes of an object, all computed. */
  readonly attributes: Readonly<Record<string, z.ZodType>>;
  /** The attributes as {@link attributes} shows them. */
  readonly tell: (item: Item<K>) => Told;
  /** What a search may ask for beside the host and the name. */
  readonly filters: Readonly<Record<string, Filter>>;
}

interface Definition<K extends KindName> {
  readonly definition: KindView<K>["definition"];
  readonly many: string;
  readonly titles: string;
  /** Facts that stand in no resource, since they change without anybody wishing it. */
  readonly facts?: readonly string[];
  /** Attributes to be searched by: those that have exactly that value. */
  readonly equal?: Readonly<Record<string, string>>;
  readonly further?: Readonly<Record<string, Filter>>;
}

/** Attributes that are about the work of Terraform, not about the object. */
const ofTheResource: readonly string[] = [
  "host",
  "timeouts",
  "wait_for",
  "ready",
  "local_path",
  "on_restart_required",
];

function view<K extends KindName>({
  definition,
  many,
  titles,
  facts = [],
  equal = {},
  further = {},
}: Definition<K>): KindView<K> {
  const { kind, schema } = definition;
  const { status, title } = kinds[kind];
  const statusShape: z.core.$ZodShape = status.shape;
  const own = Object.entries(schema.shape).filter(([name]) => !ofTheResource.includes(name));
  const told = ["phase", "message", ...facts].map((name) => [name, statusShape[name]!] as const);
  const shown: z.core.$ZodShape = Object.fromEntries([...own, ...told]);
  const source = z.object(shown);
  const equals = Object.entries({ phase: `Only ${titles} in this phase.`, ...equal }).map(
    ([name, description]): [string, Filter] => [
      name,
      {
        schema: leaf(shown[name]!).optional().meta({ description }),
        test: (values, wanted) => values[name] === wanted,
      },
    ],
  );
  return {
    kind,
    type: `lodge_${kind}`,
    many,
    title,
    titles,
    definition,
    attributes: readOnly(shown),
    tell: (item) => {
      const values = { ...item.status, ...stateOf(definition as never, item as never) } as object;
      return readOnlyValue(source, values) as Told;
    },
    filters: { ...Object.fromEntries(equals), ...further },
  };
}

/** The type of what is compared, without anything that is said about the attribute. */
function leaf(schema: z.core.$ZodType): z.ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault
  ) {
    return leaf(schema.def.innerType);
  }
  if (schema instanceof z.ZodEnum) return z.enum(schema.enum);
  return z.string();
}

/** All kinds. */
export const views = [
  view({
    definition: networkKind,
    many: "networks",
    titles: "networks",
    equal: { mode: "Only networks of this mode." },
  }),
  view({
    definition: addressPoolKind,
    many: "address_pools",
    titles: "address pools",
    facts: ["used", "cooling"],
    equal: { network_id: "Only address pools of this network." },
  }),
  view({
    definition: imageKind,
    many: "images",
    titles: "images",
    equal: {
      format: "Only images of this format.",
      sha256: "Only images of this SHA-256 digest.",
    },
  }),
  view({
    definition: diskKind,
    many: "disks",
    titles: "disks",
    facts: ["owner_vm_id", "attached_vm_id"],
    equal: {
      image_id: "Only disks that were made from this image.",
      attached_vm_id: "Only disks that are attached to this VM.",
      owner_vm_id: "Only disks that were declared in this VM and are deleted with it.",
    },
    further: {
      attached: {
        schema: z.boolean().optional().meta({
          description:
            "`true` for disks that a VM uses, `false` for those that none does. Default: both.",
        }),
        test: ({ attached_vm_id }, wanted) => (attached_vm_id !== null) === wanted,
      },
    },
  }),
  view({
    definition: vmKind,
    many: "vms",
    titles: "VMs",
    facts: ["accelerator", "machine_type"],
    equal: {
      actual_power_state: "Only VMs that are `running`, or `stopped`.",
    },
    further: {
      network_id: {
        schema: z.string().optional().meta({
          description: "Only VMs with an interface on this network.",
        }),
        test: ({ nic_status }, wanted) =>
          (nic_status as readonly { readonly network_id: string }[]).some(
            ({ network_id }) => network_id === wanted,
          ),
      },
    },
  }),
] as unknown as readonly KindView[];
