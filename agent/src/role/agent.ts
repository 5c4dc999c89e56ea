/** The agent's role: what `lodge agent` does, from outside its host and from inside. */
export {
  importDirectory,
  startDevelopmentAgent,
  stopDevelopmentAgent,
} from "./agent/development.ts";
export { logFile } from "./agent/log-file.ts";
export { runInside } from "./agent/run-inside.ts";
