/** What boots a guest without firmware or boot loader. */
export interface GuestFiles {
  /** The file of the kernel, on the machine that runs Terraform. */
  readonly kernel: string;
  /** The file of its initial RAM disk. */
  readonly initrd: string;
}
