/** The commands of QEMU's monitor that are used here; names and fields are those of QEMU's own schema. */
export interface QmpCommands {
  readonly qmp_capabilities: { readonly takes: undefined; readonly returns: object };
  readonly "query-uuid": { readonly takes: undefined; readonly returns: { readonly UUID: string } };
  readonly "query-status": {
    readonly takes: undefined;
    readonly returns: { readonly status: string; readonly running: boolean };
  };
  readonly "query-kvm": {
    readonly takes: undefined;
    readonly returns: { readonly enabled: boolean; readonly present: boolean };
  };
  readonly "query-block": {
    readonly takes: undefined;
    readonly returns: readonly {
      readonly "io-status"?: "ok" | "failed" | "nospace";
      readonly inserted?: { readonly "node-name"?: string };
    }[];
  };
  readonly cont: { readonly takes: undefined; readonly returns: object };
  readonly system_powerdown: { readonly takes: undefined; readonly returns: object };
  readonly block_resize: {
    readonly takes: { readonly "node-name": string; readonly size: number };
    readonly returns: object;
  };
  readonly "set-action": {
    readonly takes: { readonly reboot: "reset" | "shutdown" };
    readonly returns: object;
  };
}

/** Something that QEMU says unasked. */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}
