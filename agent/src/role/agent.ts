/** The agent's role: what `lodge agent` does, from outside its host and from inside. */
export {
  importDirectory,
  logFile,
  startDevelopmentAgent,
  stopDevelopmentAgent,
} from "./agent/development.ts";
export { runInside } from "./agent/run-inside.ts";
