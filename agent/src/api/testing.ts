/** The API of a core on a host of fakes, behind mutual TLS, and its clients: for tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKindClient, type KindClient } from "@lodge/schemas/kind-client.ts";
import { connect, type Transport } from "@lodge/schemas/rpc/client.ts";
import { createServer } from "@lodge/schemas/rpc/server.ts";
import { kinds, type SpecOf } from "@lodge/schemas/spec/kind.ts";
import { World } from "../core/testing/world.ts";
import { silentLog, type LogFields } from "../lib/log.ts";
import { createAuthority, issueClientCertificate, issueServerCertificate } from "../lib/pki.ts";
import { createApi } from "./api.ts";

/** The users, with the role that the certificate of each names. */
const roles = { ann: "admin", vic: "viewer", eve: "intruder" } as const;
type User = keyof typeof roles;

const authority = await createAuthority("test");
const own = await issueServerCertificate(authority, { host: "rack1" });
const identities = await Promise.all(
  (Object.keys(roles) as User[]).map(async (user) => {
    const role = roles[user] as "admin";
    return [user, await issueClientCertificate(authority, { user, role })] as const;
  }),
);

/** Made by {@link ServedWorld.start}; disposing of it ends both sides. */
export class ServedWorld implements AsyncDisposable {
  readonly world = new World();
  /** What was logged as information. */
  readonly noted: LogFields[] = [];
  readonly #transports = new Map<User, Transport>();
  readonly #cleanup = new AsyncDisposableStack();

  /** A host with a network, a pool and images, whose agent serves. */
  static async start(): Promise<ServedWorld> {
    const served = new ServedWorld();
    try {
      await served.#start();
      return served;
    } catch (error) {
      await served[Symbol.asyncDispose]();
      throw error;
    }
  }

  transport(user: User = "ann"): Transport {
    return this.#transports.get(user)!;
  }

  vms(user: User = "ann"): KindClient<"vm"> {
    return createKindClient("vm", this.transport(user));
  }

  /** A VM's Put. */
  wish(name: string, members = {}): { readonly id: string; readonly spec: SpecOf<"vm"> } {
    const spec = kinds.vm.spec.parse(this.world.vm(name, members));
    return { id: this.world.id(`vm ${name}`), spec };
  }

  async #start(): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), "lodge-api-"));
    this.#cleanup.defer(() => rmSync(directory, { recursive: true }));
    await this.world.begin();
    this.#cleanup.defer(() => this.world.core.close());
    await this.world.furnish();
    const log = { ...silentLog, info: (fields: LogFields) => void this.noted.push(fields) };
    const server = createServer({ ...createApi({ core: this.world.core, log }) });
    this.#cleanup.defer(() => server.close(0));
    const ca = authority.certificate;
    const address = await server.listen(`unix:${join(directory, "s.sock")}`, { ca, ...own });
    for (const [user, identity] of identities) {
      const transport = connect({ address, security: { ca, ...identity, serverName: "rack1" } });
      this.#transports.set(user, transport);
      this.#cleanup.defer(() => transport.close());
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cleanup.disposeAsync();
  }
}
