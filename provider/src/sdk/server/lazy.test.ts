import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

/** The files that a process has loaded after it has imported a module of this folder. */
function loadedBy(module: string): string[] {
  const script = `
    import { registerHooks } from "node:module";
    registerHooks({
      load(url, context, next) {
        console.log(url);
        return next(url, context);
      },
    });
    await import(${JSON.stringify(new URL(module, import.meta.url).href)});
  `;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", script],
    {
      encoding: "utf8",
    },
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout.split("\n").filter((line) => line.startsWith("file:"));
}

test("the service loads neither zod nor any handler before it is called", () => {
  const loaded = loadedBy("./service.ts");
  expect(loaded.some((url) => url.endsWith("/server/service.ts"))).toBe(true);
  expect(
    loaded.filter((url) => /\/node_modules\/zod\/|\/server\/handlers\.ts|\/schema\//u.test(url)),
  ).toEqual([]);
});

test("the handlers do", () => {
  expect(loadedBy("./handlers.ts").some((url) => url.includes("/node_modules/zod/"))).toBe(true);
});
