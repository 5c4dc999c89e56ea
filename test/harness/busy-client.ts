/** A client with much under way at once, to be killed in the middle of it. Arguments: the agent's directory and name. */
import { createKindClient } from "@lodge/schemas/kind-client.ts";
import { connect } from "@lodge/schemas/rpc/client.ts";
import { agentFiles } from "@lodge/schemas/rpc/local-agent.ts";
import { readIdentity } from "@lodge/schemas/rpc/tls.ts";
import { kinds } from "@lodge/schemas/spec/kind.ts";
import { randomUUID } from "node:crypto";

const [directory, name] = process.argv.slice(2) as [string, string];
const { socket, caCertificate, clientCertificate, clientKey } = agentFiles(directory, name);
const identity = await readIdentity({
  ca: caCertificate,
  certificate: clientCertificate,
  key: clientKey,
});
const transport = connect({
  address: `unix:${socket}`,
  security: { ...identity, serverName: name },
});
const disks = createKindClient("disk", transport);
await disks.list([]);
process.send!("begins");
const follow = async (): Promise<void> => {
  for await (const _ of disks.watch({}, { timeoutMs: Infinity }));
};
for (;;) {
  void follow().catch(() => {});
  for (let count = 0; count < 4; count++) {
    const spec = kinds.disk.spec.parse({ name: `disk-${randomUUID()}`, size: "1MiB" });
    void disks.put({ id: randomUUID(), spec }).catch(() => {});
  }
  await disks.list([]).catch(() => {});
}
