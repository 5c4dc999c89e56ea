import { X509Certificate } from "node:crypto";
import { HostService } from "@lodge/schemas/gen/lodge/agent/v1/host_pb.ts";
import { connect, createClient, type TransportOptions } from "@lodge/schemas/rpc/client.ts";
import { asLodgeError } from "@lodge/schemas/rpc/error.ts";
import { version } from "@lodge/schemas/version.ts";
import { findTarget } from "../target.ts";
import { UsageError } from "../usage-error.ts";
import type { Check, Finding } from "./check.ts";

const day = 24 * 60 * 60 * 1000;
const soon = 30;
const patienceMs = 5000;

/** Whether the agent that commands would use answers, and how long the certificates last. */
export const agent: Check = async (world, signal) => {
  let target;
  try {
    target = await findTarget(world.target, world.env);
  } catch (error) {
    return [absent(error)];
  }
  return [await reach(target, signal), ...lifetimes(target, world.now)];
};

function absent(error: unknown): Finding {
  if (error instanceof UsageError)
    return { name: "agent", status: "missing", detail: error.message };
  const { reason, message, remedy } = asLodgeError(error);
  const status = reason === "NO_LOCAL_AGENT" ? "warning" : "missing";
  return { name: "agent", status, detail: message, ...(remedy && { remedy }) };
}

async function reach(target: TransportOptions, signal: AbortSignal): Promise<Finding> {
  using transport = connect(target);
  try {
    const client = createClient(HostService, transport);
    const host = await client.get({ clientVersion: version }, { signal, timeoutMs: patienceMs });
    const detail = `${host.name} at ${target.address}, version ${host.version}`;
    if (host.version === version) return { name: "agent", status: "ok", detail };
    return { name: "agent", status: "ok", detail: `${detail}; this command is ${version}` };
  } catch (error) {
    signal.throwIfAborted();
    const { message, remedy } = asLodgeError(error);
    return { name: "agent", status: "missing", detail: message, ...(remedy && { remedy }) };
  }
}

function lifetimes({ security }: TransportOptions, now: Date): readonly Finding[] {
  if (security === "plaintext") return [];
  return [
    lifetime("client certificate", security.certificate, now),
    lifetime("CA certificate", security.ca, now),
  ];
}

function lifetime(name: string, pem: string, now: Date): Finding {
  const { validToDate } = new X509Certificate(pem);
  const days = Math.floor((validToDate.getTime() - now.getTime()) / day);
  const until = validToDate.toISOString().slice(0, 10);
  if (days >= soon) return { name, status: "ok", detail: `valid until ${until}` };
  return {
    name,
    status: days < 0 ? "missing" : "warning",
    detail: days < 0 ? `expired on ${until}` : `expires on ${until}`,
    remedy:
      "A development agent renews its certificates at its start and once a day; others are issued anew.",
  };
}
