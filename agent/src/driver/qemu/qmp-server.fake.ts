import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { splitLines } from "./split-lines.ts";

const greeting = { QMP: { version: { qemu: { major: 7, minor: 2, micro: 0 } }, capabilities: [] } };

interface Asked {
  readonly execute: string;
  readonly arguments?: unknown;
  readonly id: number;
}

/** Answers a command: what it returns, an error in QEMU's words, or nothing at all. */
export type Answer = (
  asked: Asked,
) => { readonly return: unknown } | { readonly error: string } | undefined;

/** A monitor as QEMU has one: one client at a time, the others wait for its end without a word. */
export class FakeQmpServer implements Disposable {
  readonly path: string;
  /** The commands that came, in their order. */
  readonly asked: Asked[] = [];
  /** Default: everything succeeds. */
  answer: Answer = () => ({ return: {} });
  /** Whether new clients are greeted. */
  greets = true;
  readonly #directory: string;
  readonly #server: Server;
  readonly #clients: Socket[] = [];

  private constructor(path: string | undefined) {
    this.#directory = mkdtempSync(join(tmpdir(), "lodge-qmp-"));
    this.path = path ?? join(this.#directory, "qmp.sock");
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Listens at the path, or at one of its own. */
  static async listen(path?: string): Promise<FakeQmpServer> {
    const server = new FakeQmpServer(path);
    const { promise, resolve } = Promise.withResolvers<void>();
    server.#server.listen(server.path, resolve);
    await promise;
    return server;
  }

  [Symbol.dispose](): void {
    this.disconnect();
    this.#server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Sends an event to the client. */
  emit(event: string, data: object = {}): void {
    this.write(
      `${JSON.stringify({ event, data, timestamp: { seconds: 1, microseconds: 2 } })}\r\n`,
    );
  }

  /** Sends anything to the client. */
  write(bytes: string | Uint8Array): void {
    this.#clients[0]?.write(bytes);
  }

  /** Ends all connections. */
  disconnect(): void {
    for (const client of this.#clients.splice(0)) client.destroy();
  }

  #accept(socket: Socket): void {
    this.#clients.push(socket);
    if (this.#clients[0] === socket) this.#serve(socket);
    socket
      .on("error", () => undefined)
      .once("close", () => {
        const index = this.#clients.indexOf(socket);
        if (index === -1) return;
        this.#clients.splice(index, 1);
        if (index === 0 && this.#clients[0]) this.#serve(this.#clients[0]);
      });
  }

  #serve(socket: Socket): void {
    if (this.greets) socket.write(`${JSON.stringify(greeting)}\r\n`);
    socket.on(
      "data",
      splitLines(2 ** 20, (line) => this.#reply(socket, JSON.parse(line!) as Asked)),
    );
  }

  #reply(socket: Socket, asked: Asked): void {
    this.asked.push(asked);
    const answer = this.answer(asked);
    if (!answer) return;
    const reply =
      "error" in answer ? { error: { class: "GenericError", desc: answer.error } } : answer;
    socket.write(`${JSON.stringify({ ...reply, id: asked.id })}\r\n`);
  }
}
