import { readFileSync } from "node:fs";
import { lodgeError, type LodgeError } from "@lodge/schemas/rpc/error.ts";

/** What keeps a development host from being made. */
interface Obstacle {
  readonly message: string;
  readonly remedy: string;
}

const withRoot = "Run the same command with sudo, which needs no user namespace";

/**
 * Puts into words why a step of the anchor's script failed, and what helps.
 * @param step the last that was begun, `unshare` where the script did not begin; `words` what the programs said.
 */
export function explainObstacle(step: string, words: string, privileged: boolean): LodgeError {
  const { message, remedy } = obstacle(step, words, privileged);
  const said = words.trim();
  return lodgeError("NAMESPACE_FORBIDDEN", said ? `${message} (${said}).` : `${message}.`, {
    remedy,
  });
}

function obstacle(step: string, words: string, privileged: boolean): Obstacle {
  switch (step) {
    case "programs":
      return {
        message: `A program that a development host needs is not installed: ${words.trim()}`,
        remedy: "Install iproute2, nftables, dnsmasq-base and util-linux.",
      };
    case "tap":
      return tapObstacle(words);
    case "unshare":
    case "proc":
    case "run":
      return privileged ? rootObstacle(step) : userNamespaceObstacle(step);
    default:
      // AppArmor gives a user namespace in which nothing is allowed, so any later step may be the one that shows it.
      return appArmorForbids() && !privileged
        ? userNamespaceObstacle(step)
        : {
            message: `The kernel does not allow this inside a namespace: ${step}`,
            remedy: privileged
              ? "Use a kernel that has bridges, taps and nftables."
              : `${withRoot}.`,
          };
  }
}

function tapObstacle(words: string): Obstacle {
  if (/No such (file|device)/i.test(words)) {
    return {
      message: "/dev/net/tun is missing, so guests cannot get network interfaces",
      remedy:
        "Load the kernel's module with `sudo modprobe tun`, or give the container the device.",
    };
  }
  return {
    message: "/dev/net/tun may not be opened, so guests cannot get network interfaces",
    remedy:
      "Give it the mode that distributions give it with `sudo chmod 0666 /dev/net/tun`, or run the same command with sudo.",
  };
}

function userNamespaceObstacle(step: string): Obstacle {
  if (appArmorForbids()) {
    return {
      message: "AppArmor forbids user namespaces to ordinary users on this machine",
      remedy: `${withRoot}, or allow them with \`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0\`.`,
    };
  }
  if (setting("/proc/sys/kernel/unprivileged_userns_clone") === "0") {
    return {
      message: "The kernel is set to forbid user namespaces to ordinary users",
      remedy: `${withRoot}, or allow them with \`sudo sysctl kernel.unprivileged_userns_clone=1\`.`,
    };
  }
  if (setting("/proc/sys/user/max_user_namespaces") === "0") {
    return {
      message: "The kernel is set to allow no user namespaces",
      remedy: `${withRoot}, or allow them with \`sudo sysctl user.max_user_namespaces=15000\`.`,
    };
  }
  return {
    message:
      step === "proc"
        ? "A user namespace may not mount /proc here, as is usual inside a container"
        : "User namespaces are forbidden here, as is usual inside a container",
    remedy: `${withRoot}; inside a container, start that with --privileged.`,
  };
}

function rootObstacle(step: string): Obstacle {
  return {
    message: `Root may not make namespaces here (${step}), as is usual inside a container`,
    remedy: "Start the container with --privileged, or run on the host itself.",
  };
}

function appArmorForbids(): boolean {
  return setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1";
}

function setting(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
