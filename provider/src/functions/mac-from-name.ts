import { createHash } from "node:crypto";
import * as z from "zod";
import { ArgumentError, providerFunction } from "../sdk/function.ts";

export const macFromName = providerFunction({
  name: "mac_from_name",
  summary: "A MAC address that always belongs to the same name.",
  description:
    'A MAC address for `mac` of an interface whose address does not come from a pool: always the same for the same name, practically another for every other. `mac_from_name("web/eth0")` is `02:c3:14:42:68:92`. It begins with `02`, so that it is locally administered and never one that the provider derives or draws by itself.',
  parameters: [
    {
      name: "name",
      description:
        "Any text that names the interface among all of your network, such as `web/eth0`.",
      schema: z.string(),
    },
  ],
  returns: z.string(),
  call: ([name]) => {
    if (name === "") throw new ArgumentError(0, "name must not be empty");
    const octets = createHash("sha256").update(name).digest().subarray(0, 5);
    return ["02", ...[...octets].map((octet) => octet.toString(16).padStart(2, "0"))].join(":");
  },
});
