/** On which host an object is: in attributes that differ between the kinds. */
import { isUnknown } from "../sdk/value/unknown.ts";

type Values = Readonly<Record<string, unknown>>;

/** Where wish and fact of an object's host stand in its attributes. */
export interface Placement {
  /** The attribute of the wish. */
  readonly attribute: "host" | "hosts";
  /** The host that is wished for: unknown where that is not known yet, null for the default one. */
  wish(values: Values): unknown;
  /** The attributes of an object that is on a host. */
  fact(host: string): Values;
  /** What a configuration says that puts an object on a host which is not the default one. */
  choice(host: string): Values;
  /** The host that an object in state is on. */
  home(state: Values): string | null;
}

/** Disks, pools and VMs: one `host`, wish and fact apart. */
export const onOneHost: Placement = {
  attribute: "host",
  wish: (values) => values["host"],
  fact: (host) => ({ actual_host: host }),
  choice: (host) => ({ host }),
  home: (state) => state["actual_host"] as string | null,
};

/** Networks and images: a set of `hosts`. */
export const onHosts: Placement = {
  attribute: "hosts",
  wish: (values) => {
    const hosts = values["hosts"];
    if (isUnknown(hosts)) return hosts;
    return [...((hosts as ReadonlySet<unknown> | null) ?? [])][0] ?? null;
  },
  fact: (host) => ({ hosts: new Set([host]) }),
  choice: () => ({}),
  home: (state) => [...((state["hosts"] as ReadonlySet<string> | null) ?? [])][0] ?? null,
};
