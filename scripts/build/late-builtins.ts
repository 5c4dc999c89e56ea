import type { Plugin } from "esbuild";

/** Modules of Node whose native halves cannot be kept in a start-up snapshot. */
const names = "http|http2|https|tls|worker_threads";

/** Loads those modules when something of them is first used, which is in the process that the snapshot starts. */
export const lateBuiltins: Plugin = {
  name: "late-builtins",
  setup(hooks) {
    const filter = new RegExp(`^(node:)?(${names})$`);
    hooks.onResolve({ filter }, ({ path }) => ({
      path: path.replace("node:", ""),
      namespace: "late",
    }));
    hooks.onLoad({ filter: /.*/, namespace: "late" }, ({ path }) => ({
      contents: substitute(path),
      loader: "js",
    }));
  },
};

/** A module with the same exports, each a getter; tables of numbers are written out, since they are read at once. */
function substitute(name: string): string {
  const exports: object = process.getBuiltinModule(`node:${name}`)!;
  const constants = "constants" in exports ? exports.constants : undefined;
  const late = Object.keys(exports).filter((key) => key !== "constants");
  return `
let real;
for (const key of ${JSON.stringify(late)}) {
  Object.defineProperty(exports, key, {
    enumerable: true,
    get: () => (real ??= process.getBuiltinModule("node:${name}"))[key],
  });
}
${constants === undefined ? "" : `exports.constants = ${JSON.stringify(constants)};`}
`;
}
