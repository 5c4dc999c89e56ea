/** How a provider's process ends: as Terraform asks, alone, by a crash, or when a person says so. */
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { PluginOptions, startPlugin } from "@lodge/provider/sdk/testing/plugin-client.ts";
import { Provider } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { connect, createClient } from "@lodge/schemas/rpc/client.ts";
import { limit } from "../harness/scale.ts";

const isAlive = (pid: number | undefined) => {
  try {
    process.kill(pid as number, 0);
    return true;
  } catch {
    return false;
  }
};

/** Starts the provider, with an argument that makes it behave in a special way. */
export type StartFixture = (
  behaviour?: string,
  options?: Partial<PluginOptions>,
) => ReturnType<typeof startPlugin>;

/** Declares the tests. */
export function handshakeEnds(start: StartFixture): void {
  describe("the end", () => {
    test("Shutdown is answered, and the process has gone soon after", async () => {
      await using plugin = start();
      const transport = await plugin.connect();
      await plugin.openStdio(transport);
      const begin = performance.now();
      expect(await plugin.shutdown()).toEqual({ code: 0, signal: null });
      expect(performance.now() - begin).toBeLessThan(await limit(75));
    });

    test("Shutdown does not wait for a call that never ends", async () => {
      await using plugin = start();
      const provider = await plugin.provider();
      const hanging = provider.applyResourceChange({}).catch((error: unknown) => error);
      await provider.getProviderSchema({});
      expect(await plugin.shutdown()).toEqual({ code: 0, signal: null });
      expect(await hanging).toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|CANCELLED/) });
    });

    test("Ctrl-C is not for the provider", async () => {
      await using plugin = start();
      const provider = await plugin.provider();
      await provider.getProviderSchema({});
      for (let times = 0; times < 3; times++) plugin.child.kill("SIGINT");
      await expect(provider.getProviderSchema({})).resolves.toBeDefined();
      expect(plugin.child.exitCode).toBe(null);
    });

    test.each(["SIGTERM", "SIGHUP"] as const)("%s ends it cleanly", async (signal) => {
      await using plugin = start();
      const { socket } = await plugin.handshake();
      await (await plugin.provider()).getProviderSchema({});
      plugin.child.kill(signal);
      expect(await plugin.exit).toEqual({ code: 0, signal: null });
      expect(existsSync(socket)).toBe(false);
    });

    test("the end of the client's stream ends an orphan", async () => {
      // It would not end for being alone.
      await using plugin = start("lonely=3600000");
      const { socket } = await plugin.handshake();
      const transport = await plugin.connect();
      await plugin.openStdio(transport);
      // As when Terraform is killed: the connection breaks, and nobody has asked for anything.
      transport.close();
      expect(await plugin.exit).toEqual({ code: 0, signal: null });
      expect(existsSync(socket)).toBe(false);
    });

    test("a provider to which nobody connects ends", async () => {
      await using plugin = start("lonely=200");
      await plugin.handshake();
      expect(await plugin.exit).toEqual({ code: 0, signal: null });
    });

    test("a provider to which somebody is connected does not", async () => {
      await using plugin = start("lonely=5000");
      const provider = await plugin.provider();
      await provider.getProviderSchema({});
      await sleep(6000);
      await expect(provider.getProviderSchema({})).resolves.toBeDefined();
    });
  });

  describe("a crash", () => {
    test.each([
      ["an exception that nobody caught", "configureProvider", "RangeError: a bug in the provider"],
      ["a rejection that nobody awaits", "validateProviderConfig", "Error: nobody awaits this"],
    ] as const)("%s is a text that Terraform shows, and status 2", async (_, method, message) => {
      await using plugin = start();
      const { socket } = await plugin.handshake();
      const provider = await plugin.provider();
      const call = provider[method]({}).catch((error: unknown) => error);
      expect(await plugin.exit).toEqual({ code: 2, signal: null });
      expect(await call).toMatchObject({ code: "UNAVAILABLE" });
      expect(plugin.stderr).toMatch(new RegExp(`^panic: ${message}$`, "m"));
      expect(plugin.stderr).toMatch(/^\s+at /m);
      expect(existsSync(socket)).toBe(false);
    });

    test("a provider that cannot be loaded says so", async () => {
      await using plugin = start("crash-in-load");
      expect(await plugin.exit).toEqual({ code: 2, signal: null });
      expect(plugin.stderr).toContain("panic: TypeError: the provider cannot be loaded");
    });
  });

  describe("debug mode", () => {
    test.each(["-debug", "--debug"])(
      "%s: no cookie, plaintext, for many clients, until told to end",
      async (flag) => {
        await using plugin = start(flag, {
          clientCertificate: false,
          env: { TF_PLUGIN_MAGIC_COOKIE: undefined },
        });
        await expect.poll(() => plugin.stdout).toContain("TF_REATTACH_PROVIDERS=");
        const json = /TF_REATTACH_PROVIDERS='(.*)'/.exec(plugin.stdout)?.[1] ?? "";
        const { Pid, Addr, ...rest } = JSON.parse(json)["registry.terraform.io/lodge/fixture"];
        expect(rest).toEqual({ Protocol: "grpc", ProtocolVersion: 6, Test: true });
        expect(Pid).toBe(plugin.child.pid);
        expect(Addr.Network).toBe("unix");
        for (let clients = 0; clients < 3; clients++) {
          using transport = connect({ address: `unix:${Addr.String}`, security: "plaintext" });
          await plugin.openStdio(transport);
          await expect(
            createClient(Provider, transport).getProviderSchema({}),
          ).resolves.toBeDefined();
        }
        await sleep(2000);
        expect(isAlive(plugin.child.pid)).toBe(true);
        plugin.child.kill("SIGINT");
        expect(await plugin.exit).toEqual({ code: 0, signal: null });
        expect(existsSync(Addr.String)).toBe(false);
      },
    );
  });
}
