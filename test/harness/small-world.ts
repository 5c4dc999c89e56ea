/** The wishes that most tests begin with: a network with a pool, the small guest's images, and VMs that boot it. */
import type { SpecInputOf } from "@lodge/schemas/spec/kind.ts";
import type { Guest } from "../../scripts/guest/build.ts";
import { guestCommandLine } from "../../scripts/guest/command-line.ts";
import { kindOrder, type Wish, type Wishes } from "./wishes.ts";

/** Whoever knows the ids of objects. */
export type Ids = Pick<Wishes, "id">;

/** A network with a pool of ten addresses, both under this key; `third` is the third octet of all of them. */
export const network = (ids: Ids, key: string, third: number): Wish => ({
  network: { [key]: { name: key, subnets: { main: { cidr: `10.20.${third}.0/24` } } } },
  address_pool: {
    [key]: {
      name: key,
      network_id: ids.id("network", key),
      subnet: "main",
      ranges: [`10.20.${third}.10-10.20.${third}.19`],
      cooldown: "0s",
    },
  },
});

/** The small guest's kernel and initial RAM disk, as the images `kernel` and `initrd`. */
export const images = ({ kernel, initrd }: Guest): Wish => ({
  image: {
    kernel: { name: "kernel", host_path: kernel },
    initrd: { name: "initrd", host_path: initrd },
  },
});

/** A VM that boots the small guest, with an address of a network's pool. */
export const smallVm = (
  ids: Ids,
  name: string,
  from: string,
  members: Partial<SpecInputOf<"vm">> = {},
): SpecInputOf<"vm"> => ({
  name,
  memory: "128MiB",
  kernel: {
    image_id: ids.id("image", "kernel"),
    initrd_image_id: ids.id("image", "initrd"),
    command_line: guestCommandLine,
  },
  nics: {
    eth0: { network_id: ids.id("network", from), ipv4_pool_id: ids.id("address_pool", from) },
  },
  ...members,
});

/** All of them; the later ones win. */
export function together(...wishes: readonly Wish[]): Wish {
  return Object.fromEntries(
    kindOrder.map((kind) => [kind, Object.assign({}, ...wishes.map((wish) => wish[kind]))]),
  ) as Wish;
}
