/**
 * A stand-in for a guest that boots in a tenth of a second: a namespace whose `eth0` is wired to a tap as QEMU wires a
 * guest's interface, with QEMU itself as the wire (no machine, only its hub). A third leg of the hub takes and gives raw
 * frames, so that a test can send what no kernel would.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { assertInside } from "./namespace.ts";
import { exec, type ExecOptions, type ExecResult } from "../../agent/src/lib/exec.ts";

let count = 0;

/** Where the hub's third leg listens, at an address of each guest's own. */
const wirePort = 4000;

/** A guest on a tap. Only for tests that run in a namespace of their own. */
export class Guest implements AsyncDisposable {
  /** Every frame on the wire, in either direction. */
  readonly frames: Buffer[] = [];
  readonly namespace: string;
  readonly #qemu: ChildProcess;
  readonly #servers: ChildProcess[] = [];
  #ended = false;
  readonly #socket: Socket;
  readonly #wire: string;

  private constructor(namespace: string, qemu: ChildProcess, socket: Socket, wire: string) {
    this.namespace = namespace;
    this.#qemu = qemu;
    this.#socket = socket;
    this.#wire = wire;
    socket.on("message", (frame) => this.frames.push(frame));
  }

  static async plug(tap: string, mac: string): Promise<Guest> {
    assertInside();
    const namespace = `guest${++count}`;
    // An address of its own: a port that was found free may be another's before QEMU has it.
    const wire = `127.1.${count >> 8}.${count & 255}`;
    await exec("ip", ["tuntap", "add", "dev", namespace, "mode", "tap"]);
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const qemu = spawn(
      "qemu-system-x86_64",
      [
        ...words("-machine none -nodefaults -display none -monitor stdio"),
        ...leg(0, `tap,ifname=${tap},script=no,downscript=no`),
        ...leg(1, `tap,ifname=${namespace},script=no,downscript=no`),
        ...leg(2, `socket,udp=127.0.0.1:${socket.address().port},localaddr=${wire}:${wirePort}`),
      ],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    await prompted(qemu);
    const guest = new Guest(namespace, qemu, socket, wire);
    await exec("ip", ["netns", "add", namespace]);
    const commands = [`link set dev ${namespace} netns ${namespace} name eth0 address ${mac}`];
    await exec("ip", ["-batch", "-"], { input: `${commands.join("\n")}\n` });
    await guest.ip("link set dev lo up", "link set dev eth0 up");
    return guest;
  }

  /** Runs a program inside. */
  run(file: string, args: readonly string[], options?: ExecOptions): Promise<ExecResult> {
    const inside = ["--net=/run/netns/" + this.namespace, "--", file, ...args];
    return exec("nsenter", inside, options);
  }

  async ip(...commands: readonly string[]): Promise<void> {
    await this.run("ip", ["-batch", "-"], { input: `${commands.join("\n")}\n` });
  }

  /** Asks for an address as a booting guest does, and takes it. @returns what udhcpc was told; undefined where nothing. */
  async dhcp(options: readonly string[] = []): Promise<Record<string, string> | undefined> {
    const script = `
      [ "$1" = bound ] || exit 0
      ip address flush dev "$interface"
      ip address add "$ip/$mask" dev "$interface"
      [ -n "$router" ] && ip route add default via "$router"
      echo "ip=$ip"; echo "mask=$mask"; echo "router=$router"; echo "dns=$dns"
      echo "serverid=$serverid"; echo "lease=$lease"; echo "hostname=$hostname"`;
    const client = 'printf "#!/bin/sh\\n%s\\n" "$0" >"$1" && chmod +x "$1" && shift && exec "$@"';
    const path = `/run/udhcpc-${this.namespace}`;
    const { exitCode, stdout } = await this.run(
      "sh",
      [
        "-c",
        client,
        script,
        path,
        ...words(`busybox udhcpc -i eth0 -f -q -n -t 4 -T 1 -O hostname -s ${path}`),
        ...options,
      ],
      { accept: [0, 1] },
    );
    if (exitCode !== 0) return undefined;
    const pairs = stdout.split("\n").filter((line) => /^[a-z]+=/.test(line));
    return Object.fromEntries(pairs.map((line) => line.split("=") as [string, string]));
  }

  /** Whether a ping is answered within a second. */
  async pings(address: string, options: readonly string[] = []): Promise<boolean> {
    const { exitCode } = await this.run(
      "busybox",
      ["ping", "-c", "1", "-W", "1", ...options, address],
      { accept: [0, 1] },
    );
    return exitCode === 0;
  }

  /** Serves a port with a program that speaks on its standard input and output, for each connection anew. */
  async listen(port: number, command: string): Promise<void> {
    const server = spawn(
      "nsenter",
      [
        ...words(`--net=/run/netns/${this.namespace} -- busybox nc -l -l -p ${port} -e sh -c`),
        command,
      ],
      { stdio: "ignore" },
    );
    this.#servers.push(server);
    const listening = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, "0")} 0+:0000 0A`);
    for (;;) {
      const { stdout } = await this.run("cat", ["/proc/self/net/tcp", "/proc/self/net/tcp6"]);
      if (listening.test(stdout)) return;
      await sleep(5);
    }
  }

  /** Puts a frame on the wire, as if the guest had sent it. */
  async send(frame: Buffer): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.send(frame, wirePort, this.#wire, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  }

  /** Waits until a frame that the test picks has come. @returns the frames that came before it. */
  async until(pick: (frame: Buffer) => boolean): Promise<readonly Buffer[]> {
    for (;;) {
      const index = this.frames.findIndex(pick);
      if (index !== -1) return this.frames.slice(0, index);
      await sleep(5);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    for (const child of [...this.#servers, this.#qemu]) {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    this.#socket.close();
    await exec("ip", ["netns", "delete", this.namespace]);
  }
}

const words = (line: string): string[] => line.split(" ");

/** A network device of the hub; `netdev` is its kind and what that needs, separated by commas. */
function leg(number: number, netdev: string): string[] {
  const named = netdev.replace(",", `,id=n${number},`);
  return words(`-netdev ${named} -netdev hubport,id=h${number},hubid=0,netdev=n${number}`);
}

async function prompted(qemu: ChildProcess): Promise<void> {
  let text = "";
  for await (const chunk of qemu.stdout!.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes("(qemu)")) return;
  }
  throw new Error(`QEMU did not start: ${text}`);
}
