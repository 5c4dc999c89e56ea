/**
 * Throws where guests cannot run: they are x86-64, and so are the host's QEMU and the kernel of the small guest. The
 * provider and the command line run elsewhere, too.
 */
export function ensureProcessor(architecture: string = process.arch): void {
  if (architecture === "x64") return;
  throw new Error(
    `This machine's processor is ${architecture}, and guests of this version need a host with an x86-64 one. ` +
      "From here, Terraform and the command line can use an agent on such a host.",
  );
}
