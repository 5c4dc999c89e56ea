import { describe, expect, it } from "vitest";
import { explainObstacle } from "./obstacle.ts";

describe("what keeps a development host from being made", () => {
  it.each([
    ["tap", "open: Permission denied", /\/dev\/net\/tun may not be opened/, /sudo chmod 0666/],
    ["tap", "open: No such file or directory", /\/dev\/net\/tun is missing/, /modprobe tun/],
    ["unshare", "unshare: unshare failed: Operation not permitted", /user namespaces/i, /sudo/],
    ["programs", "dnsmasq\n", /not installed: dnsmasq/, /dnsmasq-base/],
    ["nft", "Operation not supported", /nft/, /sudo/],
  ])("step %s, %s", (step, words, message, remedy) => {
    const error = explainObstacle(step, words, false);
    expect(error).toMatchObject({ code: "FAILED_PRECONDITION", reason: "NAMESPACE_FORBIDDEN" });
    expect(error.message).toMatch(message);
    expect(error.remedy).toMatch(remedy);
  });

  it("does not send root to sudo", () => {
    for (const step of ["unshare", "run", "nft"]) {
      expect(explainObstacle(step, "", true).remedy).not.toContain("sudo");
    }
  });
});
