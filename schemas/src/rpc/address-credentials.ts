import { ChannelCredentials } from "@grpc/grpc-js";
import type { Socket } from "node:net";
import { checkServerIdentity, connect, type SecureContext, type TLSSocket } from "node:tls";

type Connector = ReturnType<ChannelCredentials["_createSecureConnector"]>;

/**
 * TLS with a server that is called by its IP address. Such a one has no name to be told by, while gRPC would send the
 * address as one; its certificate must be for that very address, and from our authority, as with a name.
 */
export class AddressCredentials extends ChannelCredentials {
  readonly #context: SecureContext;
  readonly #ip: string;

  constructor(context: SecureContext, ip: string) {
    super();
    this.#context = context;
    this.#ip = ip;
  }

  override _isSecure(): boolean {
    return true;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    ...args: Parameters<ChannelCredentials["_createSecureConnector"]>
  ): Connector {
    const usual = ChannelCredentials.createFromSecureContext(this.#context);
    const connector = usual._createSecureConnector(...args);
    return {
      connect: async (socket) => ({ socket: await this.#connect(socket), secure: true }),
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    };
  }

  #connect(socket: Socket): Promise<TLSSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    const secure = connect({
      socket,
      secureContext: this.#context,
      servername: "",
      checkServerIdentity: (_, certificate) => checkServerIdentity(this.#ip, certificate),
      rejectUnauthorized: true,
      ALPNProtocols: ["h2"],
    });
    secure.once("secureConnect", () => resolve(secure));
    secure.on("error", reject);
    return promise;
  }
}
