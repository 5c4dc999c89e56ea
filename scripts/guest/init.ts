/**
 * What the small guest does, as its files. It greets on its console with its name, which the agent puts into the
 * SMBIOS asset tag, takes addresses on all interfaces by DHCP, answers on port 80, heeds the power button, poweroff,
 * halt and reboot, and gives a shell on the console.
 */
export function guestFiles(modules: readonly string[]): Readonly<Record<string, string>> {
  return {
    init: init(modules),
    "etc/udhcpc.sh": dhcp,
    "etc/profile": profile,
    "etc/passwd": "root::0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
  };
}

/**
 * A process costs an emulated guest some 20 ms, so what can be a builtin of the shell is one. Process 1 waits for the
 * console's shell and heeds no signal meanwhile, so poweroff, halt and reboot are functions of that shell.
 */
const init = (modules: readonly string[]): string => `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
exec <>/dev/console >&0 2>&0
export PATH=/bin HOME=/root TERM=linux
read -r name </sys/class/dmi/id/chassis_asset_tag || name=
[ -n "$name" ] || name=guest
echo "$name" >/proc/sys/kernel/hostname
read -r boot </proc/sys/kernel/random/boot_id
echo "$name $boot" >/srv/index.html
echo "Lodge guest $name ready, boot $boot"
modprobe -a ${modules.join(" ")}
for nic in /sys/class/net/*; do
  nic=\${nic##*/}
  [ "$nic" = lo ] && continue
  ip link set "$nic" up
  udhcpc -f -i "$nic" -T 1 -A 1 -t 10 -s /etc/udhcpc.sh >/dev/null 2>&1 &
done
ip link set lo up
httpd -p 80 -h /srv
for disk in /sys/block/vd*; do
  [ -e "$disk/size" ] || continue
  read -r sectors <"$disk/size"
  read -r serial <"$disk/serial"
  echo "disk \${disk##*/} $serial $((sectors / 2048)) MiB"
done
for device in /sys/class/input/event*; do
  read -r title <"$device/device/name" || continue
  [ "$title" = "Power Button" ] || continue
  (head -c 24 "/dev/input/\${device##*/}" >/dev/null && echo "The power button was pressed." && poweroff -f) &
done
mkdir -p /dev/pts /tmp
mount -t devpts devpts /dev/pts
while :; do
  setsid cttyhack sh -l
done
`;

const dhcp = `#!/bin/busybox sh
case "$1" in
deconfig)
  ip address flush dev "$interface"
  ;;
bound | renew)
  ip address replace "$ip/$mask" dev "$interface"
  for gateway in $router; do
    ip route replace default via "$gateway" dev "$interface"
    break
  done
  for server in $dns; do
    echo "nameserver $server"
  done >/etc/resolv.conf
  [ "$1" = renew ] || echo "$interface has $ip/$mask" >/dev/console
  ;;
esac
`;

const profile = `poweroff() { sync; busybox poweroff -f; }
halt() { poweroff; }
reboot() { sync; busybox reboot -f; }
PS1='\\h:\\w# '
export PS1
`;
