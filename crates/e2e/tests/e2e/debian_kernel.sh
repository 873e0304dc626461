# Run in a machine with Debian's kernel. Prints one line per check, `name: value`.

# A network interface whose other end is a host outside, by itself.
ip link add eth0 type veth
unshare -n sleep 10000 &
outside=$!
i=0; until [ "$(readlink /proc/$outside/ns/net)" != "$(readlink /proc/self/ns/net)" ] || [ $i = 100 ]; do sleep 0.1; i=$((i+1)); done
out() { nsenter -t $outside -n "$@"; }
echo 127.0.0.1 localhost > /etc/hosts
ip link set veth0 name out0
ip link set out0 netns $outside
ip addr add 10.60.0.254/24 dev eth0
ip link set eth0 up
out ip addr add 10.60.0.1/24 dev out0
out ip link set out0 up

# An NFS server: the kernel's. Nobody answers its questions of who may have what, so it is told beforehand.
mkdir -p /export /var/lib/nfs/v4recovery
echo from the server > /export/note
mount -t nfsd nfsd /proc/fs/nfsd
echo 'nfsd 127.0.0.1 2147483647 all' > /proc/net/rpc/auth.unix.ip/channel
# Its flags are "without a check of subtrees" and "with a number", which is 0: the root.
echo "all /export 2147483647 $((0x2400)) 65534 65534 0" > /proc/net/rpc/nfsd.export/channel
echo 'all 1 \x00000000 2147483647 /export' > /proc/net/rpc/nfsd.fh/channel
echo '-3 +4' > /proc/fs/nfsd/versions
echo 2 > /proc/fs/nfsd/threads
echo Y > /proc/fs/nfsd/v4_end_grace

daemon() {
    corten daemon >> /tmp/daemon.log 2>&1 &
    i=0; until corten ps > /dev/null 2>&1 || [ $i = 300 ]; do sleep 0.1; i=$((i+1)); done
}
daemon
corten load -qi /opt/busybox.tar > /dev/null || { cat /tmp/daemon.log; exit 1; }
BB=test/busybox:1
create() { corten network create "$@" > /dev/null; }
# NAME NETWORK FLAG...
box() { name=$1; network=$2; shift 2; corten run -d --name $name --network $network "$@" $BB sleep 10000 > /dev/null; }
# FROM TO
pings() { corten exec $1 ping -c 1 -W 5 $2 > /dev/null 2>&1 && echo yes || echo no; }
reached() { out ping -c 1 -W 5 $1 > /dev/null 2>&1 && echo yes || echo no; }
address() { corten inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" $1; }
route() { corten exec $1 ip route | grep default; }
links() { ls /sys/class/net | grep -cE "$1"; }
# The exit code, and the first line of what is said.
refusal() { said=$("$@" 2>&1); echo "$? $(echo "$said" | head -n 1)"; }

# ipvlan, as a switch.
create -d ipvlan -o parent=eth0 --subnet 10.60.0.0/24 --gateway 10.60.0.1 two
box one two --ip 10.60.0.10
box other two
echo "l2 mac: $(corten exec one cat /sys/class/net/eth0/address | cmp - /sys/class/net/eth0/address && echo shared)"
echo "l2 address: $(address one two) $(address other two)"
echo "l2 by address: $(pings other 10.60.0.10)"
echo "l2 by name: $(pings one other)"
echo "l2 out: $(pings one 10.60.0.1) $(reached 10.60.0.10)"
echo "l2 route: $(route one)"
echo "l2 own mac: $(refusal corten run --rm --network two --mac-address 02:00:00:00:00:07 $BB true)"
echo "l2 address twice: $(refusal corten run --rm --network two --ip 10.60.0.10 $BB true)"
echo "l2 in use: $(refusal corten network rm two)"
echo "l2 ports: $(corten run --rm --network two -p 80 $BB true; echo $?)"
echo "l2 parent twice: $(refusal corten network create -d ipvlan -o parent=eth0 --subnet 10.69.0.0/24 again)"
kill -9 $(cat /run/corten/corten.pid)
daemon
echo "l2 after a crash: $(pings one other) $(reached 10.60.0.10)"
corten network disconnect two other
echo "l2 disconnected: $(corten exec other ls /sys/class/net | tr '\n' ' ')$(pings one 10.60.0.2)"
corten network connect --ip 10.60.0.77 two other
echo "l2 connected: $(address other two) $(pings one other)"
corten rm -f one other > /dev/null
echo "l2 removed: $(corten network rm two) $(links '^eth0$')"

# ipvlan, as a router: two subnets, no gateways.
create -d ipvlan -o parent=eth0 -o ipvlan_mode=l3 --subnet 10.61.0.0/24 --subnet 10.62.0.0/24 three
out ip route add 10.61.0.0/24 via 10.60.0.254
box one three --ip 10.61.0.10
box other three --ip 10.62.0.10
echo "l3 across subnets: $(pings one 10.62.0.10) $(pings other one)"
echo "l3 out: $(pings one 10.60.0.1) $(reached 10.61.0.10)"
echo "l3 route: $(route one)"
echo "l3 out of range: $(refusal corten run --rm --network three --ip 10.63.0.1 $BB true)"
corten rm -f one other > /dev/null
corten network rm three > /dev/null
create -d ipvlan -o parent=eth0 -o ipvlan_mode=l3s --subnet 10.61.0.0/24 three
box one three; box other three
echo "l3s: $(pings one other)"
corten rm -f one other > /dev/null
corten network rm three > /dev/null
create -d ipvlan -o parent=eth0 -o ipvlan_flag=private --subnet 10.61.0.0/24 three
box one three; box other three
echo "private: $(corten exec one ping -c 1 -W 1 $(address other three) > /dev/null 2>&1 && echo yes || echo no)"
corten rm -f one other > /dev/null
corten network rm three > /dev/null

# VLANs, made with their networks, and one that was there before.
out ip link add link out0 name out0.50 type vlan id 50
out ip addr add 10.63.0.1/24 dev out0.50
out ip link set out0.50 up
create -d macvlan -o parent=eth0.50 --subnet 10.63.0.0/24 --gateway 10.63.0.1 vlan
echo "vlan made: $(head -n 1 /proc/net/vlan/eth0.50 | grep -o "VID: 50")"
box one vlan --ip 10.63.0.10 --mac-address 02:00:00:00:00:07
box other vlan
echo "vlan: $(pings one other) $(pings one 10.63.0.1) $(reached 10.63.0.10)"
echo "vlan mac: $(corten exec one cat /sys/class/net/eth0/address)"
kill -9 $(cat /run/corten/corten.pid)
daemon
echo "vlan after a crash: $(pings one other) $(reached 10.63.0.10)"
corten rm -f one other > /dev/null
corten network rm vlan > /dev/null
echo "vlan removed: $(links 'eth0\.50')"
create -d ipvlan -o parent=eth0.50 --subnet 10.63.0.0/24 --gateway 10.63.0.1 vlan
box one vlan; box other vlan
echo "ipvlan on a vlan: $(pings one other) $(pings one 10.63.0.1)"
corten rm -f one other > /dev/null
corten network rm vlan > /dev/null
echo "vlan removed again: $(links 'eth0\.50')"
create -d macvlan -o parent=eth0.50 --subnet 10.63.0.0/24 --gateway 10.63.0.1 vlan
create -d macvlan -o parent=eth0.50 --subnet 10.65.0.0/24 second
box one second; box other second
corten network rm vlan > /dev/null
echo "vlan of two: $(links 'eth0\.50') $(pings one other)"
kill -9 $(cat /run/corten/corten.pid)
daemon
echo "vlan of the other: $(links 'eth0\.50') $(pings one other)"
corten rm -f one other > /dev/null
corten network rm second > /dev/null
echo "vlan of none: $(links 'eth0\.50')"
ip link add link eth0 name eth0.60 type vlan id 60
create -d macvlan -o parent=eth0.60 vlan
corten network rm vlan > /dev/null
echo "vlan of somebody else: $(links 'eth0\.60')"

# Without a parent: a link that leads nowhere.
for driver in macvlan ipvlan; do
    id=$(corten network create -d $driver --subnet 10.64.0.0/24 alone)
    echo "$driver alone: $(ls /sys/class/net | grep -c "^dm-$(echo $id | cut -c 1-12)$")"
    box one alone; box other alone
    echo "$driver alone reaches: $(pings one other)"
    echo "$driver alone route: $(route one | wc -l)"
    corten rm -f one other > /dev/null
    corten network rm alone > /dev/null
    echo "$driver alone removed: $(links '^dm-')"
done

for parent in lo nosuch nosuch.5 eth0.4095; do
    echo "parent $parent: $(refusal corten network create -d ipvlan -o parent=$parent bad)"
done
echo "mode: $(refusal corten network create -d ipvlan -o parent=eth0 -o ipvlan_mode=l4 bad)"
echo "networks: $(corten network ls --format '{{.Name}}' | tr '\n' ' ')"

# A port of the third kind.
corten run -d --name one -p 7000:7/sctp -v /opt/bin/sctp:/sctp:ro $BB /sctp serve 7 > /dev/null
i=0; until corten exec one grep -q ' 7 ' /proc/net/sctp/eps || [ $i = 50 ]; do sleep 0.1; i=$((i+1)); done
echo "sctp: $(corten port one) $(out sctp ask 10.60.0.254 7000) $(sctp ask 127.0.0.1 7000)"
corten rm -f one > /dev/null

# Volumes.
run() { corten run --rm "$@"; }
corten volume create -o type=nfs -o o=addr=127.0.0.1,rw,vers=4.2 -o device=:/ nfs > /dev/null
echo "nfs: $(run -v nfs:/v $BB sh -c 'cat /v/note; echo from the client > /v/answer; grep -o " /v nfs4 rw" /proc/mounts' | tr '\n' ' ')"
echo "nfs on the server: $(cat /export/answer)"
corten run -d --name one -v nfs:/v $BB sleep 10000 > /dev/null
echo "nfs shared: $(run -v nfs:/v $BB sh -c 'echo both > /v/shared'; corten exec one cat /v/shared)"
kill -9 $(cat /run/corten/corten.pid)
daemon
echo "nfs after a crash: $(corten exec one cat /v/shared) $(grep -c ' nfs4 ' /proc/mounts)"
corten rm -f one > /dev/null
echo "nfs unmounted: $(grep -c ' nfs4 ' /proc/mounts)"
echo "nfs in one step: $(run --mount 'type=volume,dst=/v,volume-opt=type=nfs,volume-opt=device=:/,"volume-opt=o=addr=localhost,vers=4.2,ro"' $BB sh -c 'cat /v/note; touch /v/x' 2>&1 | tr '\n' ' ')"
corten volume create -o type=nfs -o o=addr=127.0.0.1,vers=4.2 -o device=:/nosuch lost > /dev/null
echo "nfs without a directory: $(refusal run -v lost:/v $BB true)"
corten volume create -o type=nfs -o o=addr=127.0.0.1,port=2050,vers=4.2,soft,retrans=1,timeo=5 -o device=:/ dead > /dev/null
echo "nfs without a server: $(refusal run -v dead:/v $BB true)"

losetup /dev/loop0 /opt/disk.img
corten volume create -o type=ext4 -o device=/dev/loop0 -o o=noatime disk > /dev/null
run -v disk:/v $BB sh -c 'echo kept > /v/f'
echo "ext4: $(run -v disk:/v $BB sh -c 'cat /v/f; grep -o " /v ext4 rw,noatime" /proc/mounts' | tr '\n' ' ')"
corten volume rm disk > /dev/null
echo "ext4 is free: $(losetup -d /dev/loop0 && losetup -a | wc -l)"
corten volume create -o type=ext4 -o device=/opt/disk.img image > /dev/null
echo "ext4 in a file: $(refusal run -v image:/v $BB true)"

corten volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,uid=7 small > /dev/null
echo "tmpfs: $(run -v small:/v $BB sh -c 'stat -c %u /v; df -k /v | tail -n 1 | tr -s " " | cut -d " " -f 2; dd if=/dev/zero of=/v/x bs=64k count=32 2>&1 | grep -o "No space left on device"' | tr '\n' ' ')"
corten volume prune -af > /dev/null
corten volume rm -f $(corten volume ls -q) > /dev/null
echo "volumes: $(corten volume ls -q | wc -l) $(grep -cE ' (nfs4|ext4) |_data' /proc/mounts)"
echo "left: $(links '^(dm-|ipvl|macvl|eth0\.50|br-)')"
