/** The forms of values that end up in a command, a path or a file of ours: whoever asks for an operation is held to them. */
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { parseIpv4 } from "@lodge/schemas/spec/address.ts";

const id = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const deviceName = /^[a-z][a-z0-9_-]{0,19}$/;
const objectName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Of one station: the lowest bit of the first octet marks a group. */
const mac = /^[0-9a-f][02468ace](?::[0-9a-f]{2}){5}$/;

/** Throws INVALID_ARGUMENT (reason REQUEST_INVALID), with the value, unless something is so. */
export function hold(holds: boolean, what: string, value: unknown): void {
  if (!holds) throw lodgeError("REQUEST_INVALID", `This is not ${what}: ${JSON.stringify(value)}.`);
}

/** Throws as `hold` does unless the value is a UUID in lower case. */
export function assertId(value: string): void {
  hold(id.test(value), "an id", value);
}

/** Throws as `hold` does. */
export function assertVmName(value: string): void {
  hold(objectName.test(value), "the name of a VM", value);
}

/** Throws as `hold` does; `what` has the name. */
export function assertDeviceName(
  what: "an interface" | "a disk" | "a subnet",
  value: string,
): void {
  hold(deviceName.test(value), `the name of ${what}`, value);
}

/** Throws as `hold` does. */
export function assertMac(value: string): void {
  hold(mac.test(value), "a MAC address", value);
}

/** Throws as `hold` does. */
export function assertIpv4(value: string): void {
  hold(parseIpv4(value) !== undefined, "an IPv4 address", value);
}
