/** The fields and their types that several kinds share; each refusal says what is wanted instead. */
import * as z from "zod";
import { parseCidr, parseIpv4, parseRange } from "./address.ts";

/** The name of an object: what people call it, unique among the kind on its host. */
export const objectName = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, {
  error:
    "must be 1 to 63 lower-case letters, digits or hyphens, and neither begin nor end with a hyphen",
});

/** The name of a device or subnet inside its object: the key of a map. */
export const deviceName = z.string().regex(/^[a-z][a-z0-9_-]{0,19}$/, {
  error:
    "must be 1 to 20 lower-case letters, digits, hyphens or underscores, and begin with a letter",
});

/** The identity of an object: a UUID in lower case. */
export const objectId = z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, {
  error: "must be the id (a lower-case UUID) of an object, not its name",
});

export const ipv4Address = z.string().refine((text) => parseIpv4(text) !== undefined, {
  error: "must be an IPv4 address such as 10.20.0.10",
});

export const ipv4Cidr = z.string().refine(
  (text) => {
    const cidr = parseCidr(text);
    return cidr !== undefined && cidr.prefix >= 8 && cidr.prefix <= 30;
  },
  { error: "must be an IPv4 network such as 10.20.0.0/24, without host bits, /8 to /30" },
);

export const ipv4Range = z.string().refine((text) => parseRange(text) !== undefined, {
  error: "must be a range of IPv4 addresses such as 10.20.0.10-10.20.0.99, or one address",
});

export const macAddress = z.string().regex(/^[0-9a-f][02468ace](?::[0-9a-f]{2}){5}$/, {
  error: "must be a unicast MAC address in lower case such as 52:54:00:12:34:56",
});

export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, { error: "must be a SHA-256 digest: 64 lower-case hexadecimal digits" });

/** How far an object is that is made and then stays as it is. */
export const progressStatus = {
  phase: z.enum(["pending", "ready", "deleting", "failed"]).meta({
    description:
      "Where it is in its life: `pending` until it is as declared, `ready`, `deleting`, or `failed`.",
    computed: "volatile",
  }),
  message: z.string().meta({
    description: "What it waits for, or why it has failed; empty where all is well.",
    computed: "volatile",
  }),
};
