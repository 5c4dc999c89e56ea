/** What is said of a host that cannot be asked, by where its name comes from: each has another remedy. */
import { lodgeError, type LodgeError } from "@lodge/schemas/rpc/error.ts";
import { AttributeError } from "./sdk/diagnostic.ts";
import type { Path } from "./sdk/value/path.ts";

/** Where the name of a host stands, or should: an attribute, a state, or what was given to an import. */
export type HostSource = Path | "state" | "import";

/** There are several hosts, and nothing says which is meant. */
export function noHostChosen(names: readonly string[], source: HostSource): Error {
  const all = names.join(", ");
  if (source === "import") {
    return new Error(
      `No host is chosen. Import HOST/NAME, or set the provider's default_host; the host is one of ${all}.`,
    );
  }
  const attribute = source === "state" ? "host" : source.join(".");
  return at(
    source,
    `No host is chosen. Set ${attribute}, or the provider's default_host, to one of ${all}.`,
  );
}

/** The provider has hosts, and none of that name. */
export function noSuchHost(
  name: string,
  names: readonly string[],
  source: HostSource | "default_host",
): Error {
  const what = `The provider's hosts has no ${name}; it has ${names.join(", ")}.`;
  if (source === "default_host") {
    return new Error(
      `${what} The name is that of its default_host, or of LODGE_DEFAULT_HOST: set that to one of them.`,
    );
  }
  return at(source, `${what}${remedy(name, source)}`);
}

/** The provider has no hosts but the agent of this machine, which has another name. */
export function notLocal(name: string, local: string, source: HostSource): Error {
  return at(
    source,
    `The provider has no hosts, so only the local agent ${local} can be asked, not ${name}.${remedy(name, source)}`,
  );
}

/** Something about a host, or all of them, that Terraform does not know before an apply. */
export function unknownUntilApply(what: string): LodgeError {
  return lodgeError("CONFIGURATION_UNKNOWN", `${what} is only known after apply.`, {
    remedy:
      "Give the provider values that are known at plan, or apply what they come from first with -target.",
  });
}

function remedy(name: string, source: HostSource): string {
  if (source === "import") return " What stands before the first / is a host.";
  if (source !== "state") return "";
  return ` The state has an object on ${name}: put ${name} back into hosts until that is destroyed, or forget it with a removed block or \`terraform state rm\`.`;
}

function at(source: HostSource, message: string): Error {
  return typeof source === "string" ? new Error(message) : new AttributeError(source, message);
}
