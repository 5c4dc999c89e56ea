/**
 * What the first process of a development host does: `sh` of any kind, so that it costs a megabyte. It is PID 1 of its
 * namespace: when it ends, the kernel ends every QEMU and dnsmasq inside, and with them go bridges, taps and tables.
 *
 * It says `step NAME` before each thing that a machine may forbid, so that a failure can be told in words, and at the
 * end `ready PID`, with the pid by which the outside knows it. Arguments: the run directory and the directory for which
 * it stands, empty for none. Its standard input decides its life: a line `keep` sets it free, the end of file ends it.
 */
export const anchorScript = String.raw`
set -e
run_dir=$1 state_dir=$2

step() { echo "step $1"; }

step programs
for program in ip nft dnsmasq mount nsenter setpriv; do
  command -v "$program" >/dev/null || { echo "$program" >&2; exit 1; }
done

# This /proc is still the outside's, and so is the number in it.
read -r outer_pid rest </proc/self/stat

step proc
mount -t proc proc /proc

step run
# The state directory may lie below /run, which is about to be covered.
if [ -n "$state_dir" ]; then exec 9<"$state_dir"; fi
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p "$run_dir" /run/netns /run/lock
case $state_dir in
  /run/*) mkdir -p "$state_dir" && mount --no-canonicalize --bind /proc/self/fd/9 "$state_dir" ;;
esac
exec 9<&-
mount --bind /run/netns /run/netns
mount --make-shared /run/netns

step network
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
for switch in arptables iptables ip6tables; do
  if [ -e "/proc/sys/net/bridge/bridge-nf-call-$switch" ]; then
    echo 0 >"/proc/sys/net/bridge/bridge-nf-call-$switch"
  fi
done

step bridge
ip link add name lodge-probe type bridge
ip link delete dev lodge-probe

step tap
ip tuntap add dev lodge-probe mode tap
ip tuntap delete dev lodge-probe mode tap

step netns
ip netns add lodge-probe
ip netns delete lodge-probe

step nft
nft 'add table inet lodge_probe; delete table inet lodge_probe'

echo "ready $outer_pid"
exec 3<&0 </dev/null >/dev/null 2>&1

# Waiting is what reaps orphans at once, so whatever lasts is a child that is waited for.
while read -r word <&3; do
  if [ "$word" = keep ]; then
    exec 3<&-
    while :; do sleep 2147483 & wait $!; done
  fi
  if [ "$word" = hold ]; then
    cat <&3 & wait $!
    exit
  fi
done
`;
