/** What a guest is started with. Every file and device is derived from ids; no path comes from outside. */
export interface MachineConfig {
  /** The VM's id; also the guest's SMBIOS UUID. */
  readonly vmId: string;
  readonly name: string;
  /** New at each start. */
  readonly bootId: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly machineType: string;
  readonly accelerator: "kvm" | "tcg";
  readonly firmware: "bios" | "uefi";
  readonly kernel?: {
    readonly imageId: string;
    readonly initrdImageId?: string;
    readonly commandLine: string;
  };
  /** In the order of their names; `bootIndex` counts from 0. */
  readonly disks: readonly {
    readonly name: string;
    readonly diskId: string;
    readonly bootIndex?: number;
  }[];
  readonly nics: readonly { readonly name: string; readonly mac: string }[];
}
