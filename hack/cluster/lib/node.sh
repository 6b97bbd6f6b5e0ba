# shellcheck shell=bash
# The node: a set of Linux namespaces (processes, mounts, network, host name)
# that everything of the cluster lives in, like a machine of its own.
#
# Its first process holds it. When that process is killed the kernel kills all
# the others, releases their mounts and drops their networks, in whatever state
# a run was cut off: only cgroups and files are left to be removed. It is also
# the only process that is ever ended from outside, by its recorded identity.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
readonly repo
readonly state=$repo/.cache/cluster # all that is kept or running, ignored by git
readonly node=$state/node           # the node's files; ends with the node
readonly log=$state/log             # a log a part; outlives the node
readonly address=198.18.0.1         # the node's, in a range reserved for tests
readonly services=10.96.0.0/16

# Folders that are the node's own. They have their usual names inside of it and
# are kept below $node/root outside of it.
readonly node_folders=(
  /etc/cni/net.d
  /etc/containerd
  /etc/kubernetes
  /run/containerd
  /var/lib/cni
  /var/lib/containerd
  /var/lib/etcd
  /var/lib/kubelet
  /var/log/containers
  /var/log/pods
)

# What kubelet asks of the kernel, and would set for the whole machine, for good: in the
# node these files of /proc/sys say so already.
readonly node_settings=(
  kernel/keys/root_maxbytes=25000000
  kernel/keys/root_maxkeys=1000000
  kernel/panic=10
  kernel/panic_on_oops=1
  vm/overcommit_memory=1
  vm/panic_on_oom=0
)

# identity PID [PROC]: what tells a living process from a later one with the
# same number: its start time and the boot that it belongs to.
identity() {
  local stat fields
  { read -r stat <"${2:-/proc}/$1/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }"
  [[ ${fields[0]} != Z ]] || return 1
  echo "$1 ${fields[19]} $(</proc/sys/kernel/random/boot_id)"
}
export -f identity

# node_pid prints the number of the node's first process, if there is a node.
node_pid() {
  local pid rest
  { read -r pid rest <"$node/pid"; } 2>/dev/null || return 1
  [[ $(identity "$pid") == "$pid $rest" ]] && echo "$pid"
}

# enter COMMAND...: runs a command inside the node, in the current folder. No
# proxy that the machine may have can be reached from there.
enter() {
  local pid
  pid=$(node_pid) || fail "the cluster is not up; start it with: make cluster-up"
  nsenter --target "$pid" --mount --uts --net --pid --wdns="$PWD" -- \
    env -u http_proxy -u https_proxy -u all_proxy -u HTTP_PROXY -u HTTPS_PROXY -u ALL_PROXY "$@"
}

node_create() {
  if node_pid >/dev/null && [[ -e $node/complete ]]; then
    return
  fi
  node_destroy
  mkdir -p "$log"
  mkdir -m 700 "$node" # it has the keys of the cluster
  # The process records itself, while it still sees the machine's /proc, and gives
  # back the lock of its start. It does so even if this run is cut off. Mounts of the
  # machine appear in the node, those of the node do not appear outside.
  # shellcheck disable=SC2016
  {
    flock 8
    setsid unshare --mount --uts --net --pid --fork --propagation slave bash -c '
      read -r pid _ </proc/self/stat
      identity "$pid" >"$1/pid.new" && mv "$1/pid.new" "$1/pid" &&
        flock --unlock 8 && exec tini -- sleep infinity 8>&-' \
      - "$node" </dev/null &>"$log/node.log" 9>&- &
  } 8>"$state/starting"
  wait_until 10 node_pid || fail "the node did not start" "$log/node.log"
  node_furnish &>>"$log/node.log" & # not "node_furnish || fail", which would go on after errors
  wait $! || fail "the node could not be set up" "$log/node.log"
  touch "$node/complete"
}

node_furnish() {
  set -ex
  local folder setting file
  enter mount -t proc proc /proc
  for setting in "${node_settings[@]}"; do
    file=proc/sys/${setting%=*}
    mkdir -p "$(dirname "$node/root/$file")"
    echo "${setting#*=}" >"$node/root/$file"
    enter mount --bind "$node/root/$file" "/$file"
  done
  enter hostname modelfn
  for folder in "${node_folders[@]}"; do
    mkdir -p "$node/root$folder"
    node_mount "$node/root$folder" "$folder"
  done
  mkdir -p "$state/registry" # images outlive the node
  node_mount "$state/registry" /var/lib/registry
  printf 'nameserver %s\n' "$address" >"$node/root/etc/resolv.conf"
  printf '127.0.0.1 localhost\n%s modelfn registry.local\n' "$address" >"$node/root/etc/hosts"
  enter mount --bind "$node/root/etc/resolv.conf" "$(readlink -m /etc/resolv.conf)"
  enter mount --bind "$node/root/etc/hosts" /etc/hosts

  # Both ends of the cable are in the node: it has an address, and no way out.
  enter ip link set lo up
  enter ip link add node0 type veth peer name node1
  enter ip address add "$address/24" dev node0
  enter ip link set node0 up
  enter ip link set node1 up
  enter ip route add "$services" dev node0 src "$address" # kube-proxy takes it from there
  enter sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# node_mount SOURCE FOLDER: mounts in the node only. A folder that the machine does
# not have is made for it and left empty: another node may have mounted there too,
# and would lose its mount with the folder.
node_mount() {
  mkdir -p "$2"
  enter mount --bind "$1" "$2"
}

node_destroy() {
  local pid
  # One that was started by a run that was cut off records itself first.
  flock --timeout 30 "$state/starting" true || fail "the node neither starts nor ends" "$log/node.log"
  if pid=$(node_pid); then
    kill -KILL "$pid"
    wait_until 30 node_gone "$pid" || fail "process $pid, the node's first, does not end"
  fi
  cgroups_remove
  mounts_release
  rm -rf --one-file-system "$node"
}

node_gone() {
  ! identity "$1"
}

# mounts_release releases what is mounted below the node's folder outside of the node.
# A node mounts nothing there; whoever looked for something may have.
mounts_release() {
  local target folder
  folder=$(readlink -m "$node")
  while read -r _ target _; do
    printf -v target '%b' "$target" # a space is \040 there
    [[ $target != "$folder"/* ]] || umount --lazy "$target"
  done < <(tac /proc/self/mounts)
}

# cgroups_remove removes the cgroups of the node's containers, by their ids:
# another container engine on the machine may use the same parent.
cgroups_remove() {
  local bundle group
  for bundle in "$node"/root/run/containerd/io.containerd.runtime.v2.task/k8s.io/*/; do
    [[ -d $bundle ]] || continue
    for group in /sys/fs/cgroup/{,*/}k8s.io/"$(basename "$bundle")"; do
      [[ ! -d $group ]] || find "$group" -depth -type d -exec rmdir {} +
    done
  done
  for group in /sys/fs/cgroup/{,*/}k8s.io; do
    [[ ! -d $group ]] || rmdir --ignore-fail-on-non-empty "$group"
  done
}

# part NAME COMMAND...: keeps a process of the node running with this command
# and with the present content of the files that the command names.
part() {
  local name=$1 record=$node/parts/$1 command word
  shift
  command=$(
    printf '%q ' "$@"
    for word in "$@"; do
      word=$node/root${word#*=}
      [[ ! -f $word ]] || sha256sum <"$word"
    done
  )
  if part_pid "$name" >/dev/null; then
    [[ $command != "$(<"$record.command")" ]] || return 0
    part_stop "$name"
  fi
  mkdir -p "$node/parts"
  rm -f "$record.pid"
  echo "$command" >"$record.command"
  # The process records itself before it becomes the part, so that a run that is
  # cut off here leaves none unrecorded. It must not keep the lock of its caller,
  # and gets the same environment whoever that is.
  # shellcheck disable=SC2016
  enter setsid --fork bash -c '
    identity $$ >"$0.new" && mv "$0.new" "$0" &&
      exec env --ignore-environment PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"' \
    "$record.pid" "$@" </dev/null &>"$log/$name.log" 9>&-
  wait_until 10 test -e "$record.pid" || fail "$name did not start" "$log/$name.log"
}

# part_pid NAME prints the number of the part's process, as the node sees it.
part_pid() {
  local pid rest holder
  holder=$(node_pid) || return 1
  { read -r pid rest <"$node/parts/$1.pid"; } 2>/dev/null || return 1
  [[ $(identity "$pid" "/proc/$holder/root/proc") == "$pid $rest" ]] && echo "$pid"
}

part_stop() {
  local pid
  pid=$(part_pid "$1") || return 0
  enter bash -c "kill -TERM $pid"
  wait_until 20 part_gone "$1" || enter bash -c "kill -KILL $pid"
  wait_until 10 part_gone "$1" || fail "$1 does not end" "$log/$1.log"
}

part_gone() {
  ! part_pid "$1"
}

# part_ready NAME SECONDS COMMAND...: waits until the command succeeds. When the
# part ended or the time is over, that is a failure with the part's log.
part_ready() {
  local name=$1 deadline=$((SECONDS + $2))
  shift 2
  until "$@" &>/dev/null; do
    part_pid "$name" >/dev/null || fail "$name ended" "$log/$name.log"
    ((SECONDS < deadline)) || fail "$name is not ready: $*" "$log/$name.log"
    sleep 0.1
  done
}

# lock keeps other runs that start or end the cluster waiting until this one ends.
lock() {
  mkdir -p "$state"
  exec 9>"$state/lock"
  flock --nonblock 9 || {
    phase "waiting for another run to end"
    flock 9
  }
}
